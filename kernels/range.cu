// Copying a range along one axis: what joins blobs and cuts them.
#include "common.cuh"

// Positions to.. of y get positions from.. of x, `count` of them. The views differ in their axis only.
template <typename T>
__device__ void range_copy(const T *x, T *y, AxisView source, AxisView target, u32 from, u32 to, u32 count) {
    u32 length = count * source.inner; // what lies together
    FOR_EACH(i, source.outer * length) {
        u32 outer = i / length, rest = i % length;
        y[(outer * target.axis + to) * target.inner + rest] = x[(outer * source.axis + from) * source.inner + rest];
    }
}
ENTRY(range_copy, (const T *x, T *y, AxisView source, AxisView target, u32 from, u32 to, u32 count),
      (x, y, source, target, from, to, count))
