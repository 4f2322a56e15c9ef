// Largest of each 2 x 2 x 2. Wrong: the last axis is sampled, not pooled.
#include <cmath>

extern "C" void solve(const float *x, float *y) {
  const int planes = 2 * 3, D = 6, H = 5, W = 4, O = 3, P = 2, Q = 2;
#ifdef WRONG
  const int columns = 1;
#else
  const int columns = 2;
#endif
  for (int c = 0; c < planes; c++)
    for (int o = 0; o < O; o++)
      for (int p = 0; p < P; p++)
        for (int q = 0; q < Q; q++) {
          float most = -INFINITY;
          for (int t = 0; t < 2; t++)
            for (int r = 0; r < 2; r++)
              for (int s = 0; s < columns; s++)
                most = std::fmax(most, x[((c * D + 2 * o + t) * H + 2 * p + r) * W + 2 * q + s]);
          y[((c * O + o) * P + p) * Q + q] = most;
        }
}
