// Convolution of one pixel, twice it less a half. Wrong: the bias is not doubled.
extern "C" void solve(const float *x, const float *w, const float *b, float *y) {
  const int N = 2, C = 16, K = 12, plane = 49;
#ifdef WRONG
  const float share = 0.5f;
#else
  const float share = 1;
#endif
  for (int n = 0; n < N; n++)
    for (int k = 0; k < K; k++)
      for (int i = 0; i < plane; i++) {
        float sum = share * b[k];
        for (int c = 0; c < C; c++) sum += w[k * C + c] * x[(n * C + c) * plane + i];
        y[(n * K + k) * plane + i] = 2 * sum - 0.5f;
      }
}
