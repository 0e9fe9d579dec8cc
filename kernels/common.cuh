// What all kernels share: the grid-stride loop, sums over a warp and over a block, and labels.
//
// NVRTC compiles these files without any header of CUDA's, so nothing here includes one. Counts and indices are 32 bits wide;
// the host refuses tensors with more than 2^31 - 1 elements. Coefficients arrive as double and are rounded to the element
// type here, as on the CPU, so that a parameter list does not depend on the element type.
#pragma once

typedef unsigned int u32;

// Threads of a block in element-wise kernels and in block sums; the host launches with the same number.
#define THREADS 256
#define WARP 32
#define FULL_WARP 0xffffffffu

// Runs the body for every i below n, whatever the size of the grid.
#define FOR_EACH(i, n) for (u32 i = blockIdx.x * blockDim.x + threadIdx.x; i < (n); i += gridDim.x * blockDim.x)

// Defines NAME_f32 and NAME_f64 as entry points around the template NAME. `parameters` and `arguments` are in parentheses;
// within them T is the element type.
#define ENTRY(name, parameters, arguments)                                                                             \
    namespace of_f32 {                                                                                                 \
    typedef float T;                                                                                                   \
    extern "C" __global__ void name##_f32 parameters { name<T> arguments; }                                            \
    }                                                                                                                  \
    namespace of_f64 {                                                                                                 \
    typedef double T;                                                                                                  \
    extern "C" __global__ void name##_f64 parameters { name<T> arguments; }                                            \
    }

// The sum over a warp, in every lane. The tree of additions is fixed, so the same operands give the same bits.
template <typename T> __device__ T warp_sum(T value) {
    for (int step = WARP / 2; step > 0; step /= 2) value += __shfl_xor_sync(FULL_WARP, value, step);
    return value;
}

// The largest over a warp, in every lane; a NaN loses.
template <typename T> __device__ T warp_max(T value) {
    for (int step = WARP / 2; step > 0; step /= 2) {
        T other = __shfl_xor_sync(FULL_WARP, value, step);
        value = other > value || value != value ? other : value;
    }
    return value;
}

// The sum over a block of THREADS threads; only thread 0 gets it. By a fixed tree in `partial`, THREADS numbers of the block's
// shared memory; all threads must call it.
template <typename T> __device__ T block_sum(T value, T *partial) {
    __syncthreads(); // an earlier sum may still be read
    partial[threadIdx.x] = value;
    for (u32 half = THREADS / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half) partial[threadIdx.x] += partial[threadIdx.x + half];
    }
    return partial[threadIdx.x];
}

// How a blob is seen by a kernel that works along one axis: [outer][axis][inner].
struct AxisView {
    u32 outer;
    u32 axis;
    u32 inner;
};

// Whether a label is a class index: not negative, fractional, too large or NaN.
template <typename T> __device__ bool is_class(T label, u32 classes) {
    return label >= T(0) && label < T(classes) && T(u32(label)) == label;
}
