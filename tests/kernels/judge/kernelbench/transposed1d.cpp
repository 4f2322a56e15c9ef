// Transposed convolution along one axis, as a scatter. Wrong: overlapping windows overwrite.
extern "C" void solve(const float *x, const float *w, const float *b, float *y) {
  const int N = 2, K = 4, C = 3, Q = 9, W = 18;
  for (int n = 0; n < N; n++)
    for (int c = 0; c < C; c++) {
      float *row = y + (n * C + c) * W;
      for (int v = 0; v < W; v++) row[v] = b[c];
      for (int q = 0; q < Q; q++)
        for (int s = 0; s < 4; s++) {
          const int v = 2 * q - 1 + s;
          if (v < 0 || v >= W) continue;
          float sum = 0;
          for (int k = 0; k < K; k++) sum += x[(n * K + k) * Q + q] * w[(k * C + c) * 4 + s];
#ifdef WRONG
          row[v] = b[c] + sum;
#else
          row[v] += sum;
#endif
        }
    }
}
