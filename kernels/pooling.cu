// Pooling over windows, forward and backward; one thread for each output, or for each pixel on the way back.
//
// Backward gathers: a pixel looks at the windows that contain it, in the order in which the CPU scatters, so no atomics are
// needed and both backends add in the same order.
#include "common.cuh"

// Where the windows of one plane lie.
struct Windows {
    u32 height, width;
    u32 out_height, out_width;
    u32 kernel_height, kernel_width;
    u32 stride_height, stride_width;
    u32 pad_height, pad_width;
};

// The part of a window along one axis that lies inside the plane. `cut` counts what lies before its border.
struct Span {
    u32 first, end, cut;
};

__device__ Span clip(u32 start, u32 kernel, u32 pad, u32 size) {
    Span span;
    span.first = start > pad ? start - pad : 0;
    span.end = start + kernel > pad ? start + kernel - pad : 0;
    span.end = span.end < size ? span.end : size;
    span.cut = span.first + pad - start;
    return span;
}

// The windows along one axis that contain a pixel: those that start at or before it and end after it.
__device__ Span windows_of(u32 pixel, u32 kernel, u32 stride, u32 pad, u32 outputs) {
    u32 reach = pixel + pad;
    Span span;
    span.first = reach < kernel ? 0 : (reach - kernel) / stride + 1;
    span.end = reach / stride + 1;
    span.end = span.end < outputs ? span.end : outputs;
    span.cut = 0;
    return span;
}

struct Output {
    u32 plane;
    Span rows, columns;
};

__device__ Output output_at(const Windows &w, u32 i) {
    u32 ox = i % w.out_width, oy = i / w.out_width % w.out_height;
    Output output;
    output.plane = i / w.out_width / w.out_height;
    output.rows = clip(oy * w.stride_height, w.kernel_height, w.pad_height, w.height);
    output.columns = clip(ox * w.stride_width, w.kernel_width, w.pad_width, w.width);
    return output;
}

// y: the largest of each window; winners: its place within the window. The first of equals wins, and a NaN wins over
// everything, so that divergence shows.
template <typename T>
__device__ void pooling_max_forward(const T *x, T *y, unsigned short *winners, u32 n, Windows w) {
    FOR_EACH(i, n) {
        Output o = output_at(w, i);
        const T *plane = x + o.plane * w.height * w.width;
        T best = plane[o.rows.first * w.width + o.columns.first];
        u32 winner = o.rows.cut * w.kernel_width + o.columns.cut;
        for (u32 row = o.rows.first; row < o.rows.end; row++) {
            u32 place = (row - o.rows.first + o.rows.cut) * w.kernel_width + o.columns.cut;
            for (u32 column = o.columns.first; column < o.columns.end; column++, place++) {
                T value = plane[row * w.width + column];
                if (value > best || value != value) {
                    best = value;
                    winner = place;
                }
            }
        }
        y[i] = best;
        winners[i] = (unsigned short)winner;
    }
}
ENTRY(pooling_max_forward, (const T *x, T *y, unsigned short *winners, u32 n, Windows w), (x, y, winners, n, w))

template <typename T>
__device__ void pooling_max_backward(const T *dy, const unsigned short *winners, T *dx, u32 n, Windows w) {
    FOR_EACH(i, n) {
        u32 column = i % w.width, row = i / w.width % w.height, plane = i / w.width / w.height;
        Span rows = windows_of(row, w.kernel_height, w.stride_height, w.pad_height, w.out_height);
        Span columns = windows_of(column, w.kernel_width, w.stride_width, w.pad_width, w.out_width);
        T sum = 0;
        for (u32 oy = rows.first; oy < rows.end; oy++) {
            for (u32 ox = columns.first; ox < columns.end; ox++) {
                u32 output = (plane * w.out_height + oy) * w.out_width + ox;
                u32 place_row = row + w.pad_height - oy * w.stride_height;
                u32 place = place_row * w.kernel_width + column + w.pad_width - ox * w.stride_width;
                if (winners[output] == place) sum += dy[output];
            }
        }
        dx[i] = sum;
    }
}
ENTRY(pooling_max_backward, (const T *dy, const unsigned short *winners, T *dx, u32 n, Windows w), (dy, winners, dx, n, w))

// The sum divided by the full kernel area, also where the window is clipped.
template <typename T> __device__ void pooling_mean_forward(const T *x, T *y, u32 n, Windows w) {
    T factor = T(1) / T(w.kernel_height * w.kernel_width);
    FOR_EACH(i, n) {
        Output o = output_at(w, i);
        const T *plane = x + o.plane * w.height * w.width;
        T sum = 0;
        for (u32 row = o.rows.first; row < o.rows.end; row++) {
            for (u32 column = o.columns.first; column < o.columns.end; column++) sum += plane[row * w.width + column];
        }
        y[i] = sum * factor;
    }
}
ENTRY(pooling_mean_forward, (const T *x, T *y, u32 n, Windows w), (x, y, n, w))

template <typename T> __device__ void pooling_mean_backward(const T *dy, T *dx, u32 n, Windows w) {
    T factor = T(1) / T(w.kernel_height * w.kernel_width);
    FOR_EACH(i, n) {
        u32 column = i % w.width, row = i / w.width % w.height, plane = i / w.width / w.height;
        Span rows = windows_of(row, w.kernel_height, w.stride_height, w.pad_height, w.out_height);
        Span columns = windows_of(column, w.kernel_width, w.stride_width, w.pad_width, w.out_width);
        T sum = 0;
        for (u32 oy = rows.first; oy < rows.end; oy++) {
            for (u32 ox = columns.first; ox < columns.end; ox++) {
                sum += dy[(plane * w.out_height + oy) * w.out_width + ox] * factor;
            }
        }
        dx[i] = sum;
    }
}
ENTRY(pooling_mean_backward, (const T *dy, T *dx, u32 n, Windows w), (dy, dx, n, w))
