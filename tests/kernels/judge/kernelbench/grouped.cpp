// Grouped convolution, then a leaky ReLU. Wrong: the groups read the channels of each other.
extern "C" void solve(const float *x, const float *w, const float *b, float *y) {
  const int N = 2, C = 4, H = 9, K = 6, groups = 2, D = C / groups, M = K / groups;
  for (int n = 0; n < N; n++)
    for (int k = 0; k < K; k++)
      for (int p = 0; p < H; p++)
        for (int q = 0; q < H; q++) {
          float sum = b[k];
#ifdef WRONG
          const int group = groups - 1 - k / M;
#else
          const int group = k / M;
#endif
          for (int d = 0; d < D; d++)
            for (int r = 0; r < 3; r++)
              for (int s = 0; s < 3; s++) {
                const int h = p - 1 + r, v = q - 1 + s;
                if (h < 0 || h >= H || v < 0 || v >= H) continue;
                sum += x[((n * C + group * D + d) * H + h) * H + v] *
                       w[((k * D + d) * 3 + r) * 3 + s];
              }
          y[((n * K + k) * H + p) * H + q] = sum > 0 ? sum : 0.1f * sum;
        }
}
