// Normalisation over two groups, then SiLU. Wrong: one group instead of two.
#include <cmath>

extern "C" void solve(const float *x, const float *gain, const float *bias, float *y) {
  const int N = 2, C = 6, plane = 25;
#ifdef WRONG
  const int groups = 1;
#else
  const int groups = 2;
#endif
  const int size = C / groups * plane;
  for (int g = 0; g < N * groups; g++) {
    float mean = 0, spread = 0;
    for (int i = 0; i < size; i++) mean += x[g * size + i] / size;
    for (int i = 0; i < size; i++)
      spread += (x[g * size + i] - mean) * (x[g * size + i] - mean) / size;
    const float scale = 1 / std::sqrt(spread + 1e-5f);
    for (int i = 0; i < size; i++) {
      const int c = (g * size + i) / plane % C;
      const float v = (x[g * size + i] - mean) * scale * gain[c] + bias[c];
      y[g * size + i] = v / (1 + std::exp(-v));
    }
  }
}
