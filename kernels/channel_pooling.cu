// Pooling over windows along one axis. The backward pass gathers: a thread adds up, in order, what the windows give that see its
// element. Windows are short, so that of a maximum is looked through again rather than remembered.
#include "common.cuh"

// Where the windows lie; `Windows` in the launcher.
struct Windows {
    u32 count;
    u32 kernel;
    u32 stride;
    u32 pad;
};

// The elements of a window, clipped to the axis; never none.
__device__ u32 window_start(const Windows &windows, u32 window) {
    u32 start = window * windows.stride;
    return start > windows.pad ? start - windows.pad : 0;
}

__device__ u32 window_end(const Windows &windows, u32 window, u32 axis) {
    u32 end = window * windows.stride + windows.kernel - windows.pad;
    return end < axis ? end : axis;
}

// The first of the largest elements of a window; `x` is at the axis' first element. A NaN at the window's start stays.
template <typename T> __device__ u32 largest_of(const T *x, const Windows &windows, u32 window, const AxisView &view) {
    u32 best = window_start(windows, window), end = window_end(windows, window, view.axis);
    for (u32 c = best + 1; c < end; c++) {
        if (x[c * view.inner] > x[best * view.inner]) best = c;
    }
    return best;
}

// Where the first element along the axis is for element i of a blob with `axis` elements along it.
__device__ u32 first_along(u32 i, u32 axis, u32 inner, u32 axis_of_result) {
    return i / inner / axis * axis_of_result * inner + i % inner;
}

template <typename T>
__device__ void channel_pooling_max_forward(const T *x, T *y, AxisView view, Windows windows) {
    FOR_EACH(i, view.outer * windows.count * view.inner) {
        const T *along = x + first_along(i, windows.count, view.inner, view.axis);
        y[i] = along[largest_of(along, windows, i / view.inner % windows.count, view) * view.inner];
    }
}
ENTRY(channel_pooling_max_forward, (const T *x, T *y, AxisView view, Windows windows), (x, y, view, windows))

// The mean divides by the full window.
template <typename T>
__device__ void channel_pooling_mean_forward(const T *x, T *y, AxisView view, Windows windows) {
    FOR_EACH(i, view.outer * windows.count * view.inner) {
        const T *along = x + first_along(i, windows.count, view.inner, view.axis);
        u32 window = i / view.inner % windows.count, end = window_end(windows, window, view.axis);
        T sum = 0;
        for (u32 c = window_start(windows, window); c < end; c++) sum += along[c * view.inner];
        y[i] = sum * (T(1) / T(windows.kernel));
    }
}
ENTRY(channel_pooling_mean_forward, (const T *x, T *y, AxisView view, Windows windows), (x, y, view, windows))

// The first window that sees element c, and the first that does not any more.
__device__ u32 first_window(const Windows &windows, u32 c) {
    u32 place = c + windows.pad;
    return place < windows.kernel ? 0 : (place - windows.kernel) / windows.stride + 1;
}

__device__ u32 last_window(const Windows &windows, u32 c) {
    u32 end = (c + windows.pad) / windows.stride + 1;
    return end < windows.count ? end : windows.count;
}

template <typename T>
__device__ void channel_pooling_max_backward(const T *x, const T *dy, T *dx, AxisView view, Windows windows) {
    FOR_EACH(i, view.outer * view.axis * view.inner) {
        u32 c = i / view.inner % view.axis;
        const T *x_along = x + first_along(i, view.axis, view.inner, view.axis);
        const T *dy_along = dy + first_along(i, view.axis, view.inner, windows.count);
        T gradient = 0;
        for (u32 window = first_window(windows, c); window < last_window(windows, c); window++) {
            if (largest_of(x_along, windows, window, view) == c) gradient += dy_along[window * view.inner];
        }
        dx[i] = gradient;
    }
}
ENTRY(channel_pooling_max_backward, (const T *x, const T *dy, T *dx, AxisView view, Windows windows),
      (x, dy, dx, view, windows))

template <typename T>
__device__ void channel_pooling_mean_backward(const T *dy, T *dx, AxisView view, Windows windows) {
    FOR_EACH(i, view.outer * view.axis * view.inner) {
        u32 c = i / view.inner % view.axis;
        const T *along = dy + first_along(i, view.axis, view.inner, windows.count);
        T share = T(1) / T(windows.kernel), gradient = 0;
        for (u32 window = first_window(windows, c); window < last_window(windows, c); window++) {
            gradient = fma(share, along[window * view.inner], gradient);
        }
        dx[i] = gradient;
    }
}
ENTRY(channel_pooling_mean_backward, (const T *dy, T *dx, AxisView view, Windows windows), (dy, dx, view, windows))
