// What kernels with one number for each channel share: the channel of an element, and sums over a channel by one block.
#pragma once
#include "common.cuh"

__device__ u32 channel_of(const AxisView &view, u32 i) { return i / view.inner % view.axis; }

// The n-th element of a channel.
__device__ u32 element_of(const AxisView &view, u32 channel, u32 n) {
    return (n / view.inner * view.axis + channel) * view.inner + n % view.inner;
}

#define FOR_EACH_CHANNEL(c, view) for (u32 c = blockIdx.x; c < (view).axis; c += gridDim.x)

// Runs the body for this thread's share of a channel's elements i.
#define FOR_EACH_OF_CHANNEL(i, c, view)                                                                                \
    for (u32 n_ = threadIdx.x, i = element_of(view, c, n_); n_ < (view).outer * (view).inner;                          \
         n_ += THREADS, i = element_of(view, c, n_))

// Adds up over the block and stores the sum, or adds it to what is there.
template <typename T> __device__ void store_sum(T sum, T *partial, T *result, u32 add) {
    sum = block_sum(sum, partial);
    if (threadIdx.x == 0) *result = add ? *result + sum : sum;
}
