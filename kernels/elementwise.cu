// Element by element over whole tensors.
#include "common.cuh"

template <typename T> __device__ void elementwise_copy(const T *x, T *y, u32 n) {
    FOR_EACH(i, n) y[i] = x[i];
}
ENTRY(elementwise_copy, (const T *x, T *y, u32 n), (x, y, n))

// y += alpha x
template <typename T> __device__ void elementwise_axpy(const T *x, T *y, u32 n, double alpha) {
    FOR_EACH(i, n) y[i] = fma(T(alpha), x[i], y[i]);
}
ENTRY(elementwise_axpy, (const T *x, T *y, u32 n, double alpha), (x, y, n, alpha))
