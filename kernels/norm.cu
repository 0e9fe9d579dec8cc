// The length of a tensor, and changing it.
#include "common.cuh"

// result[slot] = sqrt(sum of x^2), by one block.
template <typename T> __device__ void norm_l2(const T *x, T *result, u32 n, u32 slot) {
    __shared__ double partial[THREADS];
    double squares = 0;
    for (u32 i = threadIdx.x; i < n; i += THREADS) squares += double(x[i]) * double(x[i]);
    squares = block_sum(squares, partial);
    if (threadIdx.x == 0) result[slot] = T(sqrt(squares));
}
ENTRY(norm_l2, (const T *x, T *result, u32 n, u32 slot), (x, result, n, slot))

// y = alpha y
template <typename T> __device__ void norm_scale(T *y, u32 n, double alpha) {
    FOR_EACH(i, n) y[i] *= T(alpha);
}
ENTRY(norm_scale, (T * y, u32 n, double alpha), (y, n, alpha))
