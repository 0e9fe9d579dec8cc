// Kernels with one mistake each, to see that the checker finds it. tests/bugs.rs says which fault each must give.
#include "common.cuh"

// ---- out of bounds
KERNEL(missing_tail_guard)(int n, float* y) { int i = blockIdx.x * blockDim.x + threadIdx.x; y[i] = 1.f; }
KERNEL(reads_one_too_far)(int n, const float* x, float* y) { GRID_STRIDE(i, n) y[i] = x[i + 1]; }
KERNEL(wrong_stride)(int n, int width, const float* x, float* y) { GRID_STRIDE(i, n) y[i] = x[(i / width) * (width + 1) + i % width]; }
KERNEL(swapped_indices)(int height, int width, const float* x, float* y) {
  GRID_STRIDE(i, height * width) { int h = i / width, w = i % width; y[w * width + h] = x[i]; }
}
KERNEL(negative_index)(int n, const float* x, float* y) { GRID_STRIDE(i, n) y[i] = x[i - 1]; }
KERNEL(pad_without_guard)(int n, int pad, const float* x, float* y) { GRID_STRIDE(i, n) y[i] = x[i - pad] + x[i + pad]; }
KERNEL(host_pointer)(int n, const float* host, float* y) { GRID_STRIDE(i, n) y[i] = host[i]; }
KERNEL(shared_too_small)(int n, const float* x, float* y) {
  extern __shared__ float row[];
  row[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  y[threadIdx.x] = row[blockDim.x - 1 - threadIdx.x];
}
KERNEL(static_shared_overrun)(int n, const float* x, float* y) {
  __shared__ float row[32];
  row[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  y[threadIdx.x] = row[blockDim.x - 1 - threadIdx.x];
}
KERNEL(local_overrun)(int n, const float* x, float* y) {
  float last[4] = {0.f, 0.f, 0.f, 0.f};
  for (int i = 0; i < n; i++) last[i % 5] = x[i];
  for (int i = 0; i < 4; i++) y[i] = last[i];
}
KERNEL(int_overflow)(int n, int stride, const float* x, float* y) { GRID_STRIDE(i, n) y[i] = x[i * stride]; }

// ---- races
KERNEL(missing_barrier)(int n, const float* x, float* y) {
  __shared__ float row[256];
  row[threadIdx.x] = x[threadIdx.x];
  y[threadIdx.x] = row[(threadIdx.x + 1) % blockDim.x];
}
KERNEL(missing_barrier_in_loop)(int rows, const float* x, float* y) {
  __shared__ float sum[64];
  for (int r = 0; r < rows; ++r) {
    sum[threadIdx.x] = x[r * blockDim.x + threadIdx.x];
    __syncthreads();
    for (int s = blockDim.x / 2; s > 0; s >>= 1) {
      if (threadIdx.x < s) sum[threadIdx.x] += sum[threadIdx.x + s];
      __syncthreads();
    }
    y[r * blockDim.x + threadIdx.x] = sum[0];  // the next row overwrites sum[0]
  }
}
KERNEL(missing_barrier_in_tree)(int n, const float* x, float* y) {
  __shared__ float sum[256];
  sum[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  for (int s = blockDim.x / 2; s > 0; s >>= 1)
    if (threadIdx.x < s) sum[threadIdx.x] += sum[threadIdx.x + s];
  __syncthreads();
  if (threadIdx.x == 0) y[0] = sum[0];
}
KERNEL(trusts_the_warp)(int n, const float* x, float* y) {  // lockstep of a warp is no barrier since Volta
  __shared__ volatile float sum[32];
  sum[threadIdx.x] = x[threadIdx.x];
  if (threadIdx.x < 16) sum[threadIdx.x] += sum[threadIdx.x + 16];
  __syncthreads();
  if (threadIdx.x == 0) y[0] = sum[0];
}
KERNEL(shared_race)(int n, const float* x, float* y) {
  __shared__ float largest;
  if (threadIdx.x == 0) largest = x[0];
  __syncthreads();
  if (x[threadIdx.x] > largest) largest = x[threadIdx.x];
  __syncthreads();
  y[threadIdx.x] = largest;
}
KERNEL(not_atomic)(int n, float* sum) { GRID_STRIDE(i, n) sum[0] += 1.f; }
KERNEL(scatter_gradient)(int n, int k, const float* dy, float* dx) { GRID_STRIDE(i, n) dx[i / k] += dy[i]; }
KERNEL(between_blocks)(int n, float* x) { GRID_STRIDE(i, n) if (i > 0) x[i] = x[i - 1] + 1.f; }
KERNEL(atomic_and_plain)(int n, int* counter, int* y) { atomicAdd(counter, 1); y[blockIdx.x * blockDim.x + threadIdx.x] = *counter; }
KERNEL(overlapping_windows)(int n, const float* x, float* y) { GRID_STRIDE(i, n) { y[i] = x[i]; y[i + 1] = x[i]; } }

// ---- reads of what nobody has written
KERNEL(unwritten_shared)(int n, float* y) {
  __shared__ float row[256];
  if (threadIdx.x < 64) row[threadIdx.x] = 1.f;
  __syncthreads();
  y[threadIdx.x] = row[threadIdx.x];
}
KERNEL(accumulates_into_fresh)(int n, const float* x, float* y) { GRID_STRIDE(i, n) y[i] += x[i]; }
KERNEL(unwritten_global)(int n, const float* never, float* y) { GRID_STRIDE(i, n) y[i] = never[i]; }

// ---- alignment
KERNEL(misaligned_vector)(int n, const float* x, float* y) {
  const float2* p = (const float2*)(x + 1);
  GRID_STRIDE(i, n) { float2 v = p[i]; y[i] = v.x + v.y; }
}
KERNEL(double_in_floats)(int n, const float* x, double* y) { GRID_STRIDE(i, n) y[i] = *(const double*)(x + 3 * i); }

// ---- barriers and warps
KERNEL(divergent_barrier)(int n, float* y) {
  __shared__ float row[256];
  row[threadIdx.x] = 1.f;
  if (threadIdx.x < 40) __syncthreads();
  y[threadIdx.x] = row[threadIdx.x];
}
KERNEL(early_return)(int n, float* y) {
  if ((int)threadIdx.x >= n) return;
  __shared__ float row[256];
  row[threadIdx.x] = 1.f;
  __syncthreads();
  y[threadIdx.x] = row[0];
}
KERNEL(barrier_in_uneven_loop)(int n, float* y) {
  __shared__ float sum[256];
  sum[threadIdx.x] = 0.f;
  for (int i = threadIdx.x; i < n; i += blockDim.x) { __syncthreads(); sum[threadIdx.x] += 1.f; }
  y[threadIdx.x] = sum[threadIdx.x];
}
KERNEL(partial_shuffle)(int n, float* y) {
  float v = 1.f;
  if ((int)threadIdx.x < n) v += __shfl_down_sync(0xffffffffu, v, 1);
  y[threadIdx.x] = v;
}

// ---- and two more
__constant__ float table[4] = {1.f, 2.f, 3.f, 4.f};
KERNEL(writes_constant)(int n, float* y) { ((float*)table)[threadIdx.x] = 1.f; y[0] = table[0]; }
KERNEL(never_ends)(int n, volatile int* flag) { while (*flag == 0) {} }
