// Convolution along three axes, then ReLU. Wrong: the first axis of the window is not padded.
#include <algorithm>

extern "C" void solve(const float *x, const float *w, const float *b, float *y) {
  const int N = 2, C = 2, D = 5, H = 6, W = 7, K = 4;
#ifdef WRONG
  const int least = 1;
#else
  const int least = 0;
#endif
  for (int n = 0; n < N; n++)
    for (int k = 0; k < K; k++)
      for (int o = 0; o < D; o++)
        for (int p = 0; p < H; p++)
          for (int q = 0; q < W; q++) {
            float sum = b[k];
            for (int c = 0; c < C; c++)
              for (int t = 0; t < 3; t++)
                for (int r = 0; r < 3; r++)
                  for (int s = 0; s < 3; s++) {
                    const int d = o - 1 + t, h = p - 1 + r, v = q - 1 + s;
                    if (d < least || d >= D || h < 0 || h >= H || v < 0 || v >= W) continue;
                    sum += x[(((n * C + c) * D + d) * H + h) * W + v] *
                           w[(((k * C + c) * 3 + t) * 3 + r) * 3 + s];
                  }
            y[(((n * K + k) * D + o) * H + p) * W + q] = std::max(sum, 0.0f);
          }
}
