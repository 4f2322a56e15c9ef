// Transposed convolution along three axes without overlap. Wrong: two axes of the window are
// exchanged.
extern "C" void solve(const float *x, const float *w, const float *b, float *y) {
  const int N = 2, K = 3, C = 2, O = 3, P = 4, Q = 3, D = 2 * O, H = 2 * P, W = 2 * Q;
  for (int n = 0; n < N; n++)
    for (int c = 0; c < C; c++)
      for (int d = 0; d < D; d++)
        for (int h = 0; h < H; h++)
          for (int v = 0; v < W; v++) {
            float sum = b[c];
#ifdef WRONG
            const int tap = d % 2 * 4 + v % 2 * 2 + h % 2;
#else
            const int tap = d % 2 * 4 + h % 2 * 2 + v % 2;
#endif
            for (int k = 0; k < K; k++)
              sum += x[(((n * K + k) * O + d / 2) * P + h / 2) * Q + v / 2] *
                     w[(k * C + c) * 8 + tap];
            y[(((n * C + c) * D + d) * H + h) * W + v] = sum;
          }
}
