// Zeroing random elements: the mask of `core_tensor::ops::kernels::RandomMask`, drawn again in forward and backward.
#include "common.cuh"

// The stream, which of its masks, and below which word an element is zeroed.
struct Mask {
    u32 key_low, key_high;
    u32 draw_low, draw_high;
    u32 threshold;
};

// A block of Philox4x32-10 (Salmon et al., SC 2011), as `core_tensor::Philox::block` computes it.
__device__ uint4 philox(const Mask &mask, u32 group, u32 sample) {
    uint4 counter = make_uint4(group, sample, mask.draw_low, mask.draw_high);
    u32 low = mask.key_low, high = mask.key_high;
    for (int round = 0; round < 10; round++) {
        u32 first = __umulhi(0xd2511f53u, counter.x), second = __umulhi(0xcd9e8d57u, counter.z);
        counter = make_uint4(second ^ counter.y ^ low, 0xcd9e8d57u * counter.z,
                             first ^ counter.w ^ high, 0xd2511f53u * counter.x);
        low += 0x9e3779b9u;
        high += 0xbb67ae85u;
    }
    return counter;
}

// y = scale x where the mask keeps, 0 x elsewhere, so that a NaN stays one. A thread takes the four neighbouring features of a
// sample that share a block of random words.
template <typename T>
__device__ void dropout_apply(const T *x, T *y, u32 samples, u32 features, Mask mask, double scale) {
    u32 groups = (features + 3) / 4;
    FOR_EACH(i, samples * groups) {
        u32 sample = i / groups, group = i % groups;
        uint4 block = philox(mask, group, sample);
        u32 words[4] = {block.x, block.y, block.z, block.w};
#pragma unroll
        for (u32 k = 0; k < 4; k++) {
            u32 feature = 4 * group + k, at = sample * features + feature;
            if (feature < features) y[at] = (words[k] < mask.threshold ? T(0) : T(scale)) * x[at];
        }
    }
}
ENTRY(dropout_apply, (const T *x, T *y, u32 samples, u32 features, Mask mask, double scale),
      (x, y, samples, features, mask, scale))
