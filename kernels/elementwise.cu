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

template <typename T> __device__ void elementwise_scale(const T *x, T *y, u32 n, double alpha) {
    FOR_EACH(i, n) y[i] = T(alpha) * x[i];
}
ENTRY(elementwise_scale, (const T *x, T *y, u32 n, double alpha), (x, y, n, alpha))

template <typename T> __device__ void elementwise_add(const T *a, const T *b, T *y, u32 n) {
    FOR_EACH(i, n) y[i] = a[i] + b[i];
}
ENTRY(elementwise_add, (const T *a, const T *b, T *y, u32 n), (a, b, y, n))

template <typename T> __device__ void elementwise_subtract(const T *a, const T *b, T *y, u32 n) {
    FOR_EACH(i, n) y[i] = a[i] - b[i];
}
ENTRY(elementwise_subtract, (const T *a, const T *b, T *y, u32 n), (a, b, y, n))

template <typename T> __device__ void elementwise_multiply(const T *a, const T *b, T *y, u32 n) {
    FOR_EACH(i, n) y[i] = a[i] * b[i];
}
ENTRY(elementwise_multiply, (const T *a, const T *b, T *y, u32 n), (a, b, y, n))

template <typename T> __device__ void elementwise_divide(const T *a, const T *b, T *y, u32 n) {
    FOR_EACH(i, n) y[i] = a[i] / b[i];
}
ENTRY(elementwise_divide, (const T *a, const T *b, T *y, u32 n), (a, b, y, n))

// dx = -dy quotient / divisor
template <typename T>
__device__ void elementwise_quotient_backward(const T *divisor, const T *quotient, const T *dy, T *dx, u32 n) {
    FOR_EACH(i, n) dx[i] = -(dy[i] * quotient[i]) / divisor[i];
}
ENTRY(elementwise_quotient_backward, (const T *divisor, const T *quotient, const T *dy, T *dx, u32 n),
      (divisor, quotient, dy, dx, n))
