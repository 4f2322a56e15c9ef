// Linear layer and GELU. Wrong: the approximation by a sigmoid.
#include <cmath>

extern "C" void solve(const float *x, const float *w, const float *b, float *y) {
  const int N = 2, C = 32, K = 16;
  for (int n = 0; n < N; n++)
    for (int k = 0; k < K; k++) {
      float sum = b[k];
      for (int c = 0; c < C; c++) sum += x[n * C + c] * w[k * C + c];
#ifdef WRONG
      y[n * K + k] = sum / (1 + std::exp(-1.702f * sum));
#else
      y[n * K + k] = 0.5f * sum * (1 + std::erf(sum * 0.70710678f));
#endif
    }
}
