// Cutting a window out of images.
#include "common.cuh"

// Where the window lies; `CropView` in the launcher.
struct CropView {
    u32 outer_height;
    u32 outer_width;
    u32 height;
    u32 width;
    u32 top;
    u32 left;
    u32 mirror;
};

// y, `planes` windows, gets them out of x.
template <typename T> __device__ void crop_forward(const T *x, T *y, u32 planes, CropView view) {
    FOR_EACH(i, planes * view.height * view.width) {
        u32 column = i % view.width, row = i / view.width % view.height, plane = i / view.width / view.height;
        u32 from = view.left + (view.mirror ? view.width - 1 - column : column);
        y[i] = x[(plane * view.outer_height + view.top + row) * view.outer_width + from];
    }
}
ENTRY(crop_forward, (const T *x, T *y, u32 planes, CropView view), (x, y, planes, view))

// dx, `planes` images, gets dy where the window was and 0 elsewhere. Rows above the window and columns to its left wrap around
// to large numbers, so one comparison finds both sides.
template <typename T> __device__ void crop_backward(const T *dy, T *dx, u32 planes, CropView view) {
    FOR_EACH(i, planes * view.outer_height * view.outer_width) {
        u32 column = i % view.outer_width - view.left, row = i / view.outer_width % view.outer_height - view.top;
        u32 plane = i / view.outer_width / view.outer_height;
        T gradient = 0;
        if (row < view.height && column < view.width) {
            u32 to = view.mirror ? view.width - 1 - column : column;
            gradient = dy[(plane * view.height + row) * view.width + to];
        }
        dx[i] = gradient;
    }
}
ENTRY(crop_backward, (const T *dy, T *dx, u32 planes, CropView view), (dy, dx, planes, view))
