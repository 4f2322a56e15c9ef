// Dilated convolution and ReLU. Wrong: the filter is flipped.
extern "C" void solve(const float *x, const float *w, const float *b, float *y) {
  const int N = 2, C = 4, K = 6, W = 33;
  for (int n = 0; n < N; n++)
    for (int k = 0; k < K; k++)
      for (int q = 0; q < W; q++) {
        float sum = b[k];
        for (int c = 0; c < C; c++)
          for (int s = 0; s < 3; s++) {
            const int v = q - 2 + 2 * s;
#ifdef WRONG
            const int tap = 2 - s;
#else
            const int tap = s;
#endif
            if (v >= 0 && v < W) sum += x[(n * C + c) * W + v] * w[(k * C + c) * 3 + tap];
          }
        y[(n * K + k) * W + q] = sum > 0 ? sum : 0;
      }
}
