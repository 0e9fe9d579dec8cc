// Softmax along one axis, one warp for each position.
//
// The lanes of a warp share the classes; the warps of a block take neighbouring positions, so that also where the class axis
// is not the innermost one the block reads whole sectors of memory.
#include "common.cuh"

// Warps of a block; the host launches WARP x WARPS threads.
#define WARPS 8
#define FOR_EACH_POSITION(p, view)                                                                                     \
    for (u32 p = blockIdx.x * WARPS + threadIdx.y; p < (view).outer * (view).inner; p += gridDim.x * WARPS)

// The index of a position's first class.
__device__ u32 first_class(const AxisView &view, u32 position) {
    return position / view.inner * view.axis * view.inner + position % view.inner;
}

template <typename T> __device__ void softmax_forward(const T *x, T *y, AxisView view) {
    FOR_EACH_POSITION(position, view) {
        u32 first = first_class(view, position);
        T largest = x[first];
        for (u32 c = threadIdx.x; c < view.axis; c += WARP) {
            T value = x[first + c * view.inner];
            largest = value > largest ? value : largest;
        }
        largest = warp_max(largest);
        T sum = 0;
        for (u32 c = threadIdx.x; c < view.axis; c += WARP) {
            T e = exp(x[first + c * view.inner] - largest);
            y[first + c * view.inner] = e;
            sum += e;
        }
        sum = warp_sum(sum);
        for (u32 c = threadIdx.x; c < view.axis; c += WARP) y[first + c * view.inner] /= sum;
    }
}
ENTRY(softmax_forward, (const T *x, T *y, AxisView view), (x, y, view))

// dx = (dy - <dy, y>) y
template <typename T> __device__ void softmax_backward(const T *y, const T *dy, T *dx, AxisView view) {
    FOR_EACH_POSITION(position, view) {
        u32 first = first_class(view, position);
        T dot = 0;
        for (u32 c = threadIdx.x; c < view.axis; c += WARP) {
            dot = fma(dy[first + c * view.inner], y[first + c * view.inner], dot);
        }
        dot = warp_sum(dot);
        for (u32 c = threadIdx.x; c < view.axis; c += WARP) {
            u32 i = first + c * view.inner;
            dx[i] = (dy[i] - dot) * y[i];
        }
    }
}
ENTRY(softmax_backward, (const T *y, const T *dy, T *dx, AxisView view), (y, dy, dx, view))
