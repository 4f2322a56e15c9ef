// Depthwise convolution at stride 2. Wrong: a read past the end of the filters' last row.
extern "C" void solve(const float *x, const float *w, const float *b, float *y) {
  const int N = 2, C = 6, H = 13, W = 12, P = 7, Q = 6;
#ifdef WRONG
  const int next = 1;
#else
  const int next = 0;
#endif
  for (int n = 0; n < N; n++)
    for (int c = 0; c < C; c++)
      for (int p = 0; p < P; p++)
        for (int q = 0; q < Q; q++) {
          float sum = b[c];
          for (int r = 0; r < 3; r++)
            for (int s = 0; s < 3; s++) {
              const int h = 2 * p - 1 + r, v = 2 * q - 1 + s;
              if (h < 0 || h >= H || v < 0 || v >= W) continue;
              sum += x[((n * C + c) * H + h) * W + v] * w[c * 9 + r * 3 + s + next];
            }
          y[((n * C + c) * P + p) * Q + q] = sum;
        }
}
