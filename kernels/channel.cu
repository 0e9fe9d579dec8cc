// One number for each channel: scaling and shifting by it, and sums over everything else. A sum takes one block a channel.
#include "channel.cuh"

// Without a scale, or a shift, the pointer is null.
template <typename T>
__device__ void channel_affine(const T *x, const T *scale, const T *shift, T *y, AxisView view) {
    FOR_EACH(i, view.outer * view.axis * view.inner) {
        u32 c = channel_of(view, i);
        y[i] = fma(scale ? scale[c] : T(1), x[i], shift ? shift[c] : T(0));
    }
}
ENTRY(channel_affine, (const T *x, const T *scale, const T *shift, T *y, AxisView view), (x, scale, shift, y, view))

template <typename T> __device__ void channel_shift(const T *shift, T *y, AxisView view) {
    FOR_EACH(i, view.outer * view.axis * view.inner) y[i] += shift[channel_of(view, i)];
}
ENTRY(channel_shift, (const T *shift, T *y, AxisView view), (shift, y, view))

template <typename T> __device__ void channel_sum(const T *dy, T *result, AxisView view, u32 add) {
    __shared__ T partial[THREADS];
    FOR_EACH_CHANNEL(c, view) {
        T sum = 0;
        FOR_EACH_OF_CHANNEL(i, c, view) sum += dy[i];
        store_sum(sum, partial, result + c, add);
    }
}
ENTRY(channel_sum, (const T *dy, T *result, AxisView view, u32 add), (dy, result, view, add))

template <typename T> __device__ void channel_dot(const T *dy, const T *x, T *result, AxisView view, u32 add) {
    __shared__ T partial[THREADS];
    FOR_EACH_CHANNEL(c, view) {
        T sum = 0;
        FOR_EACH_OF_CHANNEL(i, c, view) sum = fma(dy[i], x[i], sum);
        store_sum(sum, partial, result + c, add);
    }
}
ENTRY(channel_dot, (const T *dy, const T *x, T *result, AxisView view, u32 add), (dy, x, result, view, add))
