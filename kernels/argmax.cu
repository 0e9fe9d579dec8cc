// From scores to class indices and back.
#include "common.cuh"

// y: the index of the largest along the axis, the first of equals; a NaN that comes first stays the largest.
template <typename T> __device__ void argmax_forward(const T *x, T *y, AxisView view) {
    FOR_EACH(position, view.outer * view.inner) {
        u32 first = position / view.inner * view.axis * view.inner + position % view.inner;
        u32 best = 0;
        for (u32 c = 1; c < view.axis; c++) {
            if (x[first + c * view.inner] > x[first + best * view.inner]) best = c;
        }
        y[position] = T(best);
    }
}
ENTRY(argmax_forward, (const T *x, T *y, AxisView view), (x, y, view))

// y, seen by `view`: 1 where the index along the axis is the one that x holds, 0 elsewhere. Bad indices are equal to no class.
template <typename T> __device__ void argmax_onehot(const T *x, T *y, AxisView view) {
    FOR_EACH(i, view.outer * view.axis * view.inner) {
        u32 row = i / view.inner;
        u32 position = row / view.axis * view.inner + i % view.inner;
        y[i] = x[position] == T(row % view.axis) ? T(1) : T(0);
    }
}
ENTRY(argmax_onehot, (const T *x, T *y, AxisView view), (x, y, view))

// result[0]: how many of the first `counted` numbers are no class index. One block, as in accuracy.cu.
template <typename T> __device__ void argmax_bad(const T *x, T *result, u32 classes, u32 counted) {
    __shared__ u32 partial[THREADS];
    u32 bad = 0;
    for (u32 position = threadIdx.x; position < counted; position += THREADS) bad += !is_class(x[position], classes);
    bad = block_sum(bad, partial);
    if (threadIdx.x == 0) result[0] = T(bad);
}
ENTRY(argmax_bad, (const T *x, T *result, u32 classes, u32 counted), (x, result, classes, counted))
