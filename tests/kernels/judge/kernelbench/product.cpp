// Product of two matrices. Wrong: the last term is left out.
extern "C" void solve(const float *a, const float *b, float *y) {
  const int M = 12, K = 40, N = 9;
#ifdef WRONG
  const int terms = K - 1;
#else
  const int terms = K;
#endif
  for (int m = 0; m < M; m++)
    for (int n = 0; n < N; n++) {
      float sum = 0;
      for (int k = 0; k < terms; k++) sum += a[m * K + k] * b[k * N + n];
      y[m * N + n] = sum;
    }
}
