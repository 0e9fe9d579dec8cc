// Counting predictions whose largest value stands at the label's index.
#include "common.cuh"

// result[0]: positions among the first `counted` whose largest value, the first of equals, is the label's.
// result[1]: labels among them that are no class index. One block; counting is exact in any order, but atomics would need
// the result to be cleared first.
template <typename T>
__device__ void accuracy_count(const T *x, const T *label, T *result, AxisView view, u32 counted) {
    __shared__ u32 partial[THREADS];
    u32 correct = 0, bad = 0;
    for (u32 position = threadIdx.x; position < counted; position += THREADS) {
        u32 first = position / view.inner * view.axis * view.inner + position % view.inner;
        u32 best = 0;
        for (u32 c = 1; c < view.axis; c++) {
            if (x[first + c * view.inner] > x[first + best * view.inner]) best = c;
        }
        if (is_class(label[position], view.axis)) {
            correct += u32(label[position]) == best;
        } else {
            bad += 1;
        }
    }
    correct = block_sum(correct, partial);
    bad = block_sum(bad, partial);
    if (threadIdx.x == 0) {
        result[0] = T(correct);
        result[1] = T(bad);
    }
}
ENTRY(accuracy_count, (const T *x, const T *label, T *result, AxisView view, u32 counted),
      (x, label, result, view, counted))
