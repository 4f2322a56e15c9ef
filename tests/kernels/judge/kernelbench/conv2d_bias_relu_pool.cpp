// Convolution, ReLU and the largest of 2 x 2. Wrong: the last column of a window is left out.
#include <algorithm>

extern "C" void solve(const float *x, const float *w, const float *b, float *y) {
  const int N = 2, C = 3, H = 17, W = 15, K = 8, P = 7, Q = 6;
#ifdef WRONG
  const int columns = 1;
#else
  const int columns = 2;
#endif
  for (int n = 0; n < N; n++)
    for (int k = 0; k < K; k++)
      for (int p = 0; p < P; p++)
        for (int q = 0; q < Q; q++) {
          float most = 0;  // of ReLU
          for (int i = 0; i < 2; i++)
            for (int j = 0; j < columns; j++) {
              float sum = b[k];
              for (int c = 0; c < C; c++)
                for (int r = 0; r < 3; r++)
                  for (int s = 0; s < 3; s++)
                    sum += x[((n * C + c) * H + 2 * p + i + r) * W + 2 * q + j + s] *
                           w[((k * C + c) * 3 + r) * 3 + s];
              most = std::max(most, sum);
            }
          y[((n * K + k) * P + p) * Q + q] = most;
        }
}
