// Transposed convolution, each pixel gathered. Wrong: the filter is not flipped.
extern "C" void solve(const float *x, const float *w, const float *b, float *y) {
  const int N = 2, K = 5, C = 3, P = 6, Q = 7, H = 12, W = 14;
  for (int n = 0; n < N; n++)
    for (int c = 0; c < C; c++)
      for (int h = 0; h < H; h++)
        for (int v = 0; v < W; v++) {
          float sum = b[c];
          for (int k = 0; k < K; k++)
            for (int r = 0; r < 3; r++)
              for (int s = 0; s < 3; s++) {
                const int p = h + 1 - r, q = v + 1 - s;
                if (p < 0 || p % 2 || p / 2 >= P || q < 0 || q % 2 || q / 2 >= Q) continue;
#ifdef WRONG
                const int tap = (2 - r) * 3 + 2 - s;
#else
                const int tap = r * 3 + s;
#endif
                sum += x[((n * K + k) * P + p / 2) * Q + q / 2] * w[(k * C + c) * 9 + tap];
              }
          y[((n * C + c) * H + h) * W + v] = sum;
        }
}
