// c (M,N) = a (M,K) b (K,N) by square tiles in shared memory: a kernel without a fault, and the one
// that tests plant faults in.
template <typename T, int TILE>
__global__ void product(const T *__restrict__ a, const T *__restrict__ b, T *__restrict__ c, int M,
                        int N, int K) {
  __shared__ T rows[TILE][TILE];
  __shared__ T columns[TILE][TILE + 1];
  int tx = threadIdx.x, ty = threadIdx.y;
  int m = blockIdx.y * TILE + ty, n = blockIdx.x * TILE + tx;
  T sum = 0;
  for (int k = 0; k < K; k += TILE) {
    rows[ty][tx] = m < M && k + tx < K ? a[(long long)m * K + k + tx] : T(0);
    columns[ty][tx] = k + ty < K && n < N ? b[(long long)(k + ty) * N + n] : T(0);
    __syncthreads();
#pragma unroll
    for (int i = 0; i < TILE; i++) sum += rows[ty][i] * columns[i][tx];
    __syncthreads();
  }
  if (m < M && n < N) c[(long long)m * N + n] = sum;
}
