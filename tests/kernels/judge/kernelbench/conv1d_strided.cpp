// Convolution along one axis at stride 3. Wrong: the stride begins at the second position.
extern "C" void solve(const float *x, const float *w, const float *b, float *y) {
  const int N = 2, C = 3, W = 40, K = 5, S = 5, Q = 12;
#ifdef WRONG
  const int first = 1;
#else
  const int first = 0;
#endif
  for (int n = 0; n < N; n++)
    for (int k = 0; k < K; k++)
      for (int q = 0; q < Q; q++) {
        float sum = b[k];
        for (int c = 0; c < C; c++)
          for (int s = 0; s < S; s++)
            sum += x[(n * C + c) * W + first + 3 * q + s] * w[(k * C + c) * S + s];
        y[(n * K + k) * Q + q] = sum;
      }
}
