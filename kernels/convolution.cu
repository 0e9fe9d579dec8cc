// What cuBLAS leaves to do for a convolution by matrix products.
//
// The patches of a chunk of images become one matrix of [channels x taps] rows and [images x positions] columns, so that each
// product of the chunk is one large product: output rows = filters x patches, filter gradient = output gradient x patches^T,
// patch gradient = filters^T x output gradient. The products therefore have a blob's channels outermost ("rows"), and the
// pass that adds bias and neuron moves them to their place in the blob (N, C, H, W).
#include "neuron.cuh"

struct Geometry {
    u32 images, channels;
    u32 height, width;
    u32 out_height, out_width;
    u32 kernel_height, kernel_width;
    u32 stride_height, stride_width;
    u32 pad_height, pad_width;
    u32 dilation_height, dilation_width;
};

// patches[channel, tap][image, position] = x at the place where that tap meets the image, or 0 in the padding. A block's row
// of patches is its y, so that the channel and the tap are the same for all its threads.
template <typename T> __device__ void convolution_patches(const T *x, T *patches, Geometry g) {
    u32 taps = g.kernel_height * g.kernel_width, positions = g.out_height * g.out_width;
    u32 rows = g.channels * taps, columns = g.images * positions;
    for (u32 row = blockIdx.y; row < rows; row += gridDim.y) {
        u32 channel = row / taps, ky = row % taps / g.kernel_width, kx = row % taps % g.kernel_width;
        FOR_EACH(column, columns) {
            u32 image = column / positions, position = column % positions;
            // Places before the border wrap around to huge numbers, which are not below the size either.
            u32 iy = position / g.out_width * g.stride_height + ky * g.dilation_height - g.pad_height;
            u32 ix = position % g.out_width * g.stride_width + kx * g.dilation_width - g.pad_width;
            bool inside = iy < g.height && ix < g.width;
            u32 plane = (image * g.channels + channel) * g.height * g.width;
            patches[row * columns + column] = inside ? x[plane + iy * g.width + ix] : T(0);
        }
    }
}
ENTRY(convolution_patches, (const T *x, T *patches, Geometry g), (x, patches, g))

// dx[pixel] = the sum over the taps that met it. Each pixel gathers, so nothing is added atomically.
template <typename T> __device__ void convolution_pixels(const T *patches, T *dx, u32 n, Geometry g) {
    u32 positions = g.out_height * g.out_width, columns = g.images * positions;
    FOR_EACH(i, n) {
        u32 ix = i % g.width, iy = i / g.width % g.height;
        u32 plane = i / g.width / g.height, channel = plane % g.channels, image = plane / g.channels;
        T sum = 0;
        for (u32 ky = 0; ky < g.kernel_height; ky++) {
            u32 from_top = iy + g.pad_height - ky * g.dilation_height; // wraps around where the tap lies below the pixel
            u32 oy = from_top / g.stride_height;
            if (oy >= g.out_height || from_top % g.stride_height != 0) continue;
            for (u32 kx = 0; kx < g.kernel_width; kx++) {
                u32 from_left = ix + g.pad_width - kx * g.dilation_width;
                u32 ox = from_left / g.stride_width;
                if (ox >= g.out_width || from_left % g.stride_width != 0) continue;
                u32 row = (channel * g.kernel_height + ky) * g.kernel_width + kx;
                sum += patches[row * columns + image * positions + oy * g.out_width + ox];
            }
        }
        dx[i] = sum;
    }
}
ENTRY(convolution_pixels, (const T *patches, T *dx, u32 n, Geometry g), (patches, dx, n, g))

// y[image][filter][position] = neuron(rows[filter][image][position] + bias[filter]); without a bias the pointer is null.
template <typename T>
__device__ void convolution_output(const T *rows, const T *bias, T *y, u32 images, u32 filters, u32 positions, u32 code,
                                   double coefficient) {
    FOR_EACH(i, images * filters * positions) {
        u32 position = i % positions, filter = i / positions % filters, image = i / positions / filters;
        T value = rows[(filter * images + image) * positions + position];
        y[i] = activate(bias ? value + bias[filter] : value, code, coefficient);
    }
}
ENTRY(convolution_output,
      (const T *rows, const T *bias, T *y, u32 images, u32 filters, u32 positions, u32 code, double coefficient),
      (rows, bias, y, images, filters, positions, code, coefficient))

// rows[filter][image][position] = dy[image][filter][position]
template <typename T>
__device__ void convolution_gradient_rows(const T *dy, T *rows, u32 images, u32 filters, u32 positions) {
    FOR_EACH(i, images * filters * positions) {
        u32 position = i % positions, image = i / positions % images, filter = i / positions / images;
        rows[i] = dy[(image * filters + filter) * positions + position];
    }
}
ENTRY(convolution_gradient_rows, (const T *dy, T *rows, u32 images, u32 filters, u32 positions),
      (dy, rows, images, filters, positions))

// gradient[filter] = (add ? gradient[filter] : 0) + the sum of dy over images and positions; one block for each filter.
template <typename T>
__device__ void convolution_bias_gradient(const T *dy, T *gradient, u32 images, u32 filters, u32 positions, u32 add) {
    __shared__ T partial[THREADS];
    for (u32 filter = blockIdx.x; filter < filters; filter += gridDim.x) {
        T sum = 0;
        for (u32 i = threadIdx.x; i < images * positions; i += THREADS) {
            sum += dy[(i / positions * filters + filter) * positions + i % positions];
        }
        sum = block_sum(sum, partial);
        if (threadIdx.x == 0) gradient[filter] = add ? gradient[filter] + sum : sum;
    }
}
ENTRY(convolution_bias_gradient, (const T *dy, T *gradient, u32 images, u32 filters, u32 positions, u32 add),
      (dy, gradient, images, filters, positions, add))
