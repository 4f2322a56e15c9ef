// Largest of each window of three, at stride 2. Wrong: padding counts as zeros.
#include <cmath>

extern "C" void solve(const float *x, float *y) {
  const int planes = 2 * 3, W = 20, Q = 10;
  for (int c = 0; c < planes; c++)
    for (int q = 0; q < Q; q++) {
      float most = -INFINITY;
      for (int s = 0; s < 3; s++) {
        const int v = 2 * q - 1 + s;
        const bool inside = v >= 0 && v < W;
#ifdef WRONG
        most = std::fmax(most, inside ? x[c * W + v] : 0.0f);
#else
        if (inside) most = std::fmax(most, x[c * W + v]);
#endif
      }
      y[c * Q + q] = most;
    }
}
