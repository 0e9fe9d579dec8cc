// A rectified linear unit whose slope below zero is learnt. A single slope sees all features as one channel.
#include "channel.cuh"

template <typename T> __device__ void prelu_forward(const T *x, const T *slope, T *y, AxisView view) {
    FOR_EACH(i, view.outer * view.axis * view.inner) y[i] = x[i] > T(0) ? x[i] : slope[channel_of(view, i)] * x[i];
}
ENTRY(prelu_forward, (const T *x, const T *slope, T *y, AxisView view), (x, slope, y, view))

template <typename T>
__device__ void prelu_backward(const T *x, const T *slope, const T *dy, T *dx, AxisView view) {
    FOR_EACH(i, view.outer * view.axis * view.inner) dx[i] = x[i] > T(0) ? dy[i] : slope[channel_of(view, i)] * dy[i];
}
ENTRY(prelu_backward, (const T *x, const T *slope, const T *dy, T *dx, AxisView view), (x, slope, dy, dx, view))

template <typename T>
__device__ void prelu_slope_gradient(const T *dy, const T *x, T *result, AxisView view, u32 add) {
    __shared__ T partial[THREADS];
    FOR_EACH_CHANNEL(c, view) {
        T sum = 0;
        FOR_EACH_OF_CHANNEL(i, c, view) sum = fma(dy[i], x[i] > T(0) ? T(0) : x[i], sum);
        store_sum(sum, partial, result + c, add);
    }
}
ENTRY(prelu_slope_gradient, (const T *dy, const T *x, T *result, AxisView view, u32 add), (dy, x, result, view, add))
