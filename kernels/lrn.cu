// Local response normalization, one thread for each element. The formulas stand at `core_tensor::ops::kernels::lrn_forward`.
//
// Windows are small (5 in every published net), so each thread sums its own; neighbours read the same cache lines. As on the
// CPU the inverse of the scale is kept, so that backward needs no division.
#include "common.cuh"

// A window's elements before and after its own, and the coefficients; `scale` and `slope` are those of the sums, not the means.
struct Lrn {
    u32 before, after;
    double scale, shift, power, slope;
};

// Elements of a window around `position`, clipped: from `first` on, less than `end`.
struct Window {
    u32 first, end;
};

__device__ Window window_around(u32 position, u32 length, u32 before, u32 after) {
    Window window;
    window.first = position > before ? position - before : 0;
    window.end = position + after + 1 < length ? position + after + 1 : length;
    return window;
}

// Stores 1 / (shift + scale sum) and x times that to the power.
template <typename T> __device__ void finish_forward(T x, T sum, T *y, T *inverse, const Lrn &lrn) {
    T kept = T(1) / fma(T(lrn.scale), sum, T(lrn.shift));
    *inverse = kept;
    *y = x * pow(kept, T(lrn.power));
}

template <typename T> __device__ T finish_backward(T x, T inverse, T dy, T sum, const Lrn &lrn) {
    return fma(dy, pow(inverse, T(lrn.power)), T(lrn.slope) * x * sum);
}

template <typename T> __device__ void lrn_across_forward(const T *x, T *y, T *inverse, AxisView view, Lrn lrn) {
    FOR_EACH(i, view.outer * view.axis * view.inner) {
        u32 channel = i / view.inner % view.axis, base = i - channel * view.inner;
        Window window = window_around(channel, view.axis, lrn.before, lrn.after);
        T sum = 0;
        for (u32 c = window.first; c < window.end; c++) {
            T value = x[base + c * view.inner];
            sum = fma(value, value, sum);
        }
        finish_forward(x[i], sum, &y[i], &inverse[i], lrn);
    }
}
ENTRY(lrn_across_forward, (const T *x, T *y, T *inverse, AxisView view, Lrn lrn), (x, y, inverse, view, lrn))

// The elements in whose window a channel is form the same window seen from the other end.
template <typename T>
__device__ void lrn_across_backward(const T *x, const T *y, const T *inverse, const T *dy, T *dx, AxisView view, Lrn lrn) {
    FOR_EACH(i, view.outer * view.axis * view.inner) {
        u32 channel = i / view.inner % view.axis, base = i - channel * view.inner;
        Window window = window_around(channel, view.axis, lrn.after, lrn.before);
        T sum = 0;
        for (u32 c = window.first; c < window.end; c++) {
            u32 at = base + c * view.inner;
            sum = fma(dy[at] * y[at], inverse[at], sum);
        }
        dx[i] = finish_backward(x[i], inverse[i], dy[i], sum, lrn);
    }
}
ENTRY(lrn_across_backward, (const T *x, const T *y, const T *inverse, const T *dy, T *dx, AxisView view, Lrn lrn),
      (x, y, inverse, dy, dx, view, lrn))

template <typename T>
__device__ void lrn_within_forward(const T *x, T *y, T *inverse, u32 n, u32 height, u32 width, Lrn lrn) {
    FOR_EACH(i, n) {
        u32 column = i % width, row = i / width % height, plane = i - row * width - column;
        Window rows = window_around(row, height, lrn.before, lrn.after);
        Window columns = window_around(column, width, lrn.before, lrn.after);
        T sum = 0;
        for (u32 r = rows.first; r < rows.end; r++) {
            for (u32 c = columns.first; c < columns.end; c++) {
                T value = x[plane + r * width + c];
                sum = fma(value, value, sum);
            }
        }
        finish_forward(x[i], sum, &y[i], &inverse[i], lrn);
    }
}
ENTRY(lrn_within_forward, (const T *x, T *y, T *inverse, u32 n, u32 height, u32 width, Lrn lrn),
      (x, y, inverse, n, height, width, lrn))

template <typename T>
__device__ void lrn_within_backward(const T *x, const T *y, const T *inverse, const T *dy, T *dx, u32 n, u32 height,
                                    u32 width, Lrn lrn) {
    FOR_EACH(i, n) {
        u32 column = i % width, row = i / width % height, plane = i - row * width - column;
        Window rows = window_around(row, height, lrn.after, lrn.before);
        Window columns = window_around(column, width, lrn.after, lrn.before);
        T sum = 0;
        for (u32 r = rows.first; r < rows.end; r++) {
            for (u32 c = columns.first; c < columns.end; c++) {
                u32 at = plane + r * width + c;
                sum = fma(dy[at] * y[at], inverse[at], sum);
            }
        }
        dx[i] = finish_backward(x[i], inverse[i], dy[i], sum, lrn);
    }
}
ENTRY(lrn_within_backward,
      (const T *x, const T *y, const T *inverse, const T *dy, T *dx, u32 n, u32 height, u32 width, Lrn lrn),
      (x, y, inverse, dy, dx, n, height, width, lrn))
