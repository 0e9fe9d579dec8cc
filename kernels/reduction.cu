// Sums of what follows an axis, one block for each. The codes stand at `core_tensor::ops::ReductionOperation`.
#include "common.cuh"

enum { SUM, ABSOLUTE_SUM, SUM_OF_SQUARES };

template <typename T>
__device__ void reduction_forward(const T *x, T *y, u32 positions, u32 elements, u32 code, double factor) {
    __shared__ T partial[THREADS];
    for (u32 position = blockIdx.x; position < positions; position += gridDim.x) {
        T sum = 0;
        for (u32 i = threadIdx.x; i < elements; i += THREADS) {
            T value = x[position * elements + i];
            sum += code == SUM_OF_SQUARES ? value * value : code == ABSOLUTE_SUM && value < T(0) ? -value : value;
        }
        sum = block_sum(sum, partial);
        if (threadIdx.x == 0) y[position] = T(factor) * sum;
    }
}
ENTRY(reduction_forward, (const T *x, T *y, u32 positions, u32 elements, u32 code, double factor),
      (x, y, positions, elements, code, factor))

template <typename T>
__device__ void reduction_backward(const T *x, const T *dy, T *dx, u32 n, u32 elements, u32 code, double factor) {
    FOR_EACH(i, n) {
        T slope = code == SUM_OF_SQUARES ? x[i] + x[i] : T(1);
        if (code == ABSOLUTE_SUM) slope = x[i] > T(0) ? T(1) : x[i] < T(0) ? T(-1) : T(0);
        dx[i] = T(factor) * slope * dy[i / elements];
    }
}
ENTRY(reduction_backward, (const T *x, const T *dy, T *dx, u32 n, u32 elements, u32 code, double factor),
      (x, dy, dx, n, elements, code, factor))
