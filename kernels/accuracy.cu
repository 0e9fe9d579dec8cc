// Counting predictions that have the value at the label's index among their largest.
#include "common.cuh"

// result[0]: positions among the first `counted` where fewer than top_k values are ahead of the label's; of equals the first
// is ahead, a NaN is ahead of nothing and never right.
// result[1]: labels among them that are no class index. One block; counting is exact in any order, but atomics would need
// the result to be cleared first.
template <typename T>
__device__ void accuracy_count(const T *x, const T *label, T *result, AxisView view, u32 counted,
                               u32 top_k) {
    __shared__ u32 partial[THREADS];
    u32 correct = 0, bad = 0;
    for (u32 position = threadIdx.x; position < counted; position += THREADS) {
        u32 first = position / view.inner * view.axis * view.inner + position % view.inner;
        if (!is_class(label[position], view.axis)) {
            bad += 1;
            continue;
        }
        u32 chosen = u32(label[position]), ahead = 0;
        T value = x[first + chosen * view.inner];
        for (u32 c = 0; c < view.axis; c++) {
            T other = x[first + c * view.inner];
            ahead += other > value || (c < chosen && other == value);
        }
        correct += value == value && ahead < top_k;
    }
    correct = block_sum(correct, partial);
    bad = block_sum(bad, partial);
    if (threadIdx.x == 0) {
        result[0] = T(correct);
        result[1] = T(bad);
    }
}
ENTRY(accuracy_count, (const T *x, const T *label, T *result, AxisView view, u32 counted, u32 top_k),
      (x, label, result, view, counted, top_k))
