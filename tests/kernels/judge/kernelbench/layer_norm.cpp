// Normalisation over the last axis. Wrong: the constant is added to the deviation.
#include <cmath>

extern "C" void solve(const float *x, const float *w, const float *b, float *y) {
  const int rows = 2 * 7, C = 24;
  for (int n = 0; n < rows; n++) {
    float mean = 0, spread = 0;
    for (int c = 0; c < C; c++) mean += x[n * C + c] / C;
    for (int c = 0; c < C; c++) spread += (x[n * C + c] - mean) * (x[n * C + c] - mean) / C;
#ifdef WRONG
    const float scale = 1 / (std::sqrt(spread) + 0.05f);
#else
    const float scale = 1 / std::sqrt(spread + 1e-5f);
#endif
    for (int c = 0; c < C; c++) y[n * C + c] = (x[n * C + c] - mean) * scale * w[c] + b[c];
  }
}
