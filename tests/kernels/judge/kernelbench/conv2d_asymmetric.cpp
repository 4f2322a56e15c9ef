// Convolution with a window of 5 x 3. Wrong: the padding of rows and columns is exchanged.
extern "C" void solve(const float *x, const float *w, const float *b, float *y) {
  const int N = 2, C = 3, H = 14, W = 11, K = 4, R = 5, S = 3;
#ifdef WRONG
  const int top = 1, left = 2;
#else
  const int top = 2, left = 1;
#endif
  for (int n = 0; n < N; n++)
    for (int k = 0; k < K; k++)
      for (int p = 0; p < H; p++)
        for (int q = 0; q < W; q++) {
          float sum = b[k];
          for (int c = 0; c < C; c++)
            for (int r = 0; r < R; r++)
              for (int s = 0; s < S; s++) {
                const int h = p - top + r, v = q - left + s;
                if (h < 0 || h >= H || v < 0 || v >= W) continue;
                sum += x[((n * C + c) * H + h) * W + v] * w[((k * C + c) * R + r) * S + s];
              }
          y[((n * K + k) * H + p) * W + q] = sum;
        }
}
