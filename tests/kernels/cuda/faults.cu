// Kernels that each do one thing that CUDA leaves undefined. A line marked `[kind]` is where the
// emulator has to say so; the tests read the marks.

extern "C" __global__ void missing_barrier(float *y) {
  __shared__ float row[64];
  row[threadIdx.x] = y[threadIdx.x];
  y[threadIdx.x] = row[threadIdx.x ^ 32];  // [uninitialised race]
}

extern "C" __global__ void missing_second_barrier(float *y) {
  __shared__ float row[64];
  for (int i = 0; i < 2; i++) {
    row[threadIdx.x] = i;  // [race]
    __syncthreads();
    y[threadIdx.x] += row[63 - threadIdx.x];  // [race]
  }
}

extern "C" __global__ void missing_warp_barrier(float *y) {
  __shared__ float row[32];
  row[threadIdx.x] = y[threadIdx.x];
  __syncwarp();
  float neighbour = row[threadIdx.x ^ 1];  // [race]
  row[threadIdx.x] = neighbour;  // [race]
  y[threadIdx.x] = neighbour;
}

extern "C" __global__ void a_shuffle_for_a_barrier(float *y) {
  __shared__ float row[32];
  row[threadIdx.x] = y[threadIdx.x];
  float v = __shfl_xor_sync(0xffffffffu, y[threadIdx.x], 1);
  y[threadIdx.x] = v + row[threadIdx.x ^ 1];  // [race]
}

extern "C" __global__ void past_a_shared_array(float *y) {
  __shared__ float row[64];
  __shared__ float next[64];
  float *end = row + blockDim.x;
  next[threadIdx.x] = 0;
  end[threadIdx.x] = next[threadIdx.x];  // [outside]
  y[threadIdx.x] = row[threadIdx.x];
}

extern "C" __global__ void past_a_row_of_a_shared_array(float *y) {
  __shared__ float tile[4][8];
  int t = threadIdx.x;
  if (t < 4)
    for (int i = 0; i <= 8; i++) tile[t][i] = 0;  // [index]
  __syncthreads();
  y[t] = tile[t / 8][t % 8];
}

extern "C" __global__ void past_dynamic_shared_memory(float *y) {
  extern __shared__ float rows[];
  rows[threadIdx.x + 1] = y[threadIdx.x];  // [outside]
  __syncthreads();
  y[threadIdx.x] = rows[threadIdx.x + 1];
}

extern "C" __global__ void past_a_global_array(const float *x, float *y, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i <= n) y[i] = 1;  // [outside]
}

extern "C" __global__ void before_a_global_array(const float *x, float *y) {
  int i = threadIdx.x;
  y[i] = x[i - 1];  // [outside]
}

extern "C" __global__ void through_a_null_pointer(const float *bias, float *y) {
  y[threadIdx.x] = bias[threadIdx.x];  // [outside]
}

extern "C" __global__ void barrier_in_a_branch(float *y) {
  if (threadIdx.x < 16) {
    y[threadIdx.x] = 1;
    __syncthreads();  // [barrier]
  }
}

extern "C" __global__ void barriers_in_two_branches(float *y) {
  if (threadIdx.x < 16) {
    __syncthreads();  // [barrier]
    y[threadIdx.x] = 1;
  } else {
    __syncthreads();  // [barrier]
    y[threadIdx.x] = 2;
  }
}

extern "C" __global__ void return_before_a_barrier(float *y, int n) {
  if (threadIdx.x >= n) return;
  y[threadIdx.x] = 1;
  __syncthreads();  // [barrier]
}

extern "C" __global__ void loops_of_different_lengths(float *y) {
  for (int i = 0; i <= threadIdx.x / 32; i++) {
    y[threadIdx.x] = i;
    __syncthreads();  // [barrier]
  }
}

extern "C" __global__ void never_written(float *y) {
  __shared__ float row[64];
  if (threadIdx.x) row[threadIdx.x] = 1;
  __syncthreads();
  y[threadIdx.x] = row[threadIdx.x];  // [uninitialised]
}

extern "C" __global__ void never_written_by_this_block(float *y) {
  __shared__ float row[64];
  if (blockIdx.x == 0) row[threadIdx.x] = 1;
  __syncthreads();
  y[blockIdx.x * 64 + threadIdx.x] = row[threadIdx.x];  // [uninitialised]
}

extern "C" __global__ void misaligned_load(const float *x, float *y) {
  float4 v = *reinterpret_cast<const float4 *>(x + threadIdx.x);  // [misaligned]
  y[threadIdx.x] = v.x + v.y + v.z + v.w;
}

extern "C" __global__ void misaligned_shared_store(float *y) {
  __shared__ float row[64];
  *reinterpret_cast<float4 *>(&row[4 * threadIdx.x]) = make_float4(1, 2, 3, 4);  // [misaligned]
  __syncthreads();
  y[threadIdx.x] = row[threadIdx.x];
}

extern "C" __global__ void misaligned_dynamic_store(float *y) {
  extern __shared__ float rows[];
  *reinterpret_cast<float4 *>(&rows[4 * threadIdx.x]) = make_float4(1, 2, 3, 4);  // [misaligned]
  __syncthreads();
  y[threadIdx.x] = rows[threadIdx.x];
}

extern "C" __global__ void two_blocks_write_one_place(float *y) {
  y[threadIdx.x] = blockIdx.x;  // [race]
}

extern "C" __global__ void a_block_reads_what_another_writes(float *y) {
  int i = blockIdx.x * blockDim.x + threadIdx.x, n = gridDim.x * blockDim.x;
  float right = i + 1 < n ? y[i + 1] : 0;  // [race]
  __syncthreads();
  y[i] = right;  // [race]
}

extern "C" __global__ void plain_beside_atomic(int *count) {
  if (threadIdx.x == 40)
    count[0] = 0;  // [race]
  else
    atomicAdd(&count[0], 1);  // [race]
}

extern "C" __global__ void writes_what_is_const(const float *x, float *y) {
  const_cast<float *>(x)[threadIdx.x] = 1;  // [constant]
  y[threadIdx.x] = 1;
}

extern "C" __global__ void a_lane_stays_away(float *y) {
  float v = y[threadIdx.x];
  if (threadIdx.x != 7) v = __shfl_xor_sync(0xffffffffu, v, 1);  // [warp]
  __syncthreads();
  y[threadIdx.x] = v;
}

extern "C" __global__ void a_mask_without_the_caller(float *y) {
  y[threadIdx.x] = __shfl_xor_sync(0x0000ffffu, y[threadIdx.x], 1);  // [warp]
}

extern "C" __global__ void from_a_lane_outside_the_mask(float *y) {
  if (threadIdx.x < 16) y[threadIdx.x] = __shfl_sync(0x0000ffffu, 1.0f, 20);  // [warp]
}

extern "C" __global__ void division_by_zero(int *y, int n) {
  y[threadIdx.x] = 7 / n;  // [arithmetic]
}

extern "C" __global__ void too_much_shared_memory(float *y) {
  __shared__ float large[12289];  // [shared]
  large[threadIdx.x] = 1;
  y[threadIdx.x] = large[threadIdx.x];
}

extern "C" __global__ void without_end(volatile float *y) {
  while (y[0] == 0) {  // [endless]
  }
}

extern "C" __global__ void another_threads_local_memory(float *y) {
  __shared__ float *pointer;
  float own[4] = {1, 2, 3, y[0]};
  if (threadIdx.x == 0) pointer = own;
  __syncthreads();
  y[threadIdx.x] = pointer[threadIdx.x % 4];  // [outside]
}

extern "C" __global__ void trapped(float *y) {
  if (y[threadIdx.x] == 0) __trap();  // [trap]
}
