// Convolution and normalisation over the batch. Wrong: the variance is divided by n - 1.
#include <cmath>
#include <vector>

extern "C" void solve(const float *x, const float *w, const float *gain, const float *bias,
                      float *y) {
  const int N = 2, C = 3, H = 10, K = 5, P = 8, plane = P * P;
  for (int k = 0; k < K; k++) {
    std::vector<float> v(N * plane);
    for (int n = 0; n < N; n++)
      for (int p = 0; p < P; p++)
        for (int q = 0; q < P; q++) {
          float sum = 0;
          for (int c = 0; c < C; c++)
            for (int r = 0; r < 3; r++)
              for (int s = 0; s < 3; s++)
                sum += x[((n * C + c) * H + p + r) * H + q + s] * w[((k * C + c) * 3 + r) * 3 + s];
          v[n * plane + p * P + q] = sum;
        }
    float mean = 0, spread = 0;
    for (float a : v) mean += a / v.size();
    for (float a : v) spread += (a - mean) * (a - mean);
#ifdef WRONG
    spread /= v.size() - 1;
#else
    spread /= v.size();
#endif
    const float scale = gain[k] / std::sqrt(spread + 1e-5f);
    for (int n = 0; n < N; n++)
      for (int i = 0; i < plane; i++)
        y[(n * K + k) * plane + i] = (v[n * plane + i] - mean) * scale + bias[k];
  }
}
