// The multinomial logistic loss of probabilities that softmax.cu has computed.
#include "common.cuh"

// result[0]: the sum of -log p(label) over the positions of the samples that count, in double; NaN if any probability is.
// result[1]: labels among them that are no class index. One block: the order of additions must not depend on the card.
template <typename T>
__device__ void softmax_loss_sum(const T *prob, const T *label, T *result, AxisView view, u32 counted) {
    __shared__ double partial[THREADS];
    double loss = 0, bad = 0;
    for (u32 position = threadIdx.x; position < view.outer * view.inner; position += THREADS) {
        u32 first = position / view.inner * view.axis * view.inner + position % view.inner;
        // Where one class has NaN, all have: they share the divisor.
        if (prob[first] != prob[first]) loss += double(prob[first]);
        if (position >= counted) continue;
        if (is_class(label[position], view.axis)) {
            double p = double(prob[first + u32(label[position]) * view.inner]);
            loss -= log(p > 1e-20 ? p : 1e-20);
        } else {
            bad += 1;
        }
    }
    loss = block_sum(loss, partial);
    bad = block_sum(bad, partial);
    if (threadIdx.x == 0) {
        result[0] = T(loss);
        result[1] = T(bad);
    }
}
ENTRY(softmax_loss_sum, (const T *prob, const T *label, T *result, AxisView view, u32 counted),
      (prob, label, result, view, counted))

// dx = scale (p - 1_label) for the positions that count, 0 for the others; a bad label leaves scale p.
template <typename T>
__device__ void softmax_loss_backward(const T *prob, const T *label, T *dx, AxisView view, u32 counted, double scale) {
    FOR_EACH(i, view.outer * view.axis * view.inner) {
        u32 row = i / view.inner;
        u32 position = row / view.axis * view.inner + i % view.inner;
        T gradient = 0;
        if (position < counted) {
            gradient = T(scale) * prob[i];
            // Bad labels are equal to no class.
            if (label[position] == T(row % view.axis)) gradient -= T(scale);
        }
        dx[i] = gradient;
    }
}
ENTRY(softmax_loss_backward, (const T *prob, const T *label, T *dx, AxisView view, u32 counted, double scale),
      (prob, label, dx, view, counted, scale))
