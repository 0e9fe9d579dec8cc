// The multinomial logistic loss of probabilities, with weights and with a label that does not count. What every classifier uses,
// without either, is in softmax_loss.cu.
#include "common.cuh"

// What the labels mean; `Classes` in the launcher.
struct Classes {
    AxisView view;
    // Positions of the samples that count.
    u32 counted;
    // Elements of a sample, each of which may have a weight.
    u32 features;
    u32 has_weights;
    u32 has_ignored;
};

enum Meaning { CLASS, BAD, IGNORED };

template <typename T> __device__ Meaning meaning_of(T label, const Classes &classes, double ignored) {
    if (classes.has_ignored && double(label) == ignored) return IGNORED;
    return is_class(label, classes.view.axis) ? CLASS : BAD;
}

// The index of a position's element of this class.
__device__ u32 element_of(const AxisView &view, u32 position, u32 label) {
    return (position / view.inner * view.axis + label) * view.inner + position % view.inner;
}

template <typename T> __device__ double weight_of(const T *weights, const Classes &classes, u32 element) {
    return classes.has_weights ? double(weights[element % classes.features]) : 1.0;
}

// The probability itself, or the smallest that has a logarithm here. A NaN stays one.
__device__ double cut(double probability) {
    return probability < 1e-20 ? 1e-20 : probability;
}

// result[0]: the sum of -w log p(label), in double. result[1]: labels that are neither a class index nor ignored.
// result[2]: positions that count. One block: the order of additions must not depend on the card.
template <typename T>
__device__ void logistic_loss_forward(const T *prob, const T *label, const T *weights, T *result, Classes classes,
                                      double ignored) {
    __shared__ double partial[THREADS];
    double loss = 0, bad = 0, valid = 0;
    for (u32 position = threadIdx.x; position < classes.counted; position += THREADS) {
        Meaning meaning = meaning_of(label[position], classes, ignored);
        if (meaning == CLASS) {
            u32 element = element_of(classes.view, position, u32(label[position]));
            loss -= weight_of(weights, classes, element) * log(cut(double(prob[element])));
        }
        bad += meaning == BAD;
        valid += meaning == CLASS;
    }
    loss = block_sum(loss, partial);
    bad = block_sum(bad, partial);
    valid = block_sum(valid, partial);
    if (threadIdx.x == 0) {
        result[0] = T(loss);
        result[1] = T(bad);
        result[2] = T(valid);
    }
}
ENTRY(logistic_loss_forward,
      (const T *prob, const T *label, const T *weights, T *result, Classes classes, double ignored),
      (prob, label, weights, result, classes, ignored))

// dprob = -scale w / p at each label that counts, 0 elsewhere.
template <typename T>
__device__ void logistic_loss_backward(const T *prob, const T *label, const T *weights, T *dprob, Classes classes,
                                       double ignored, double scale) {
    const AxisView &view = classes.view;
    FOR_EACH(i, view.outer * view.axis * view.inner) {
        u32 row = i / view.inner;
        u32 position = row / view.axis * view.inner + i % view.inner;
        T gradient = 0;
        if (position < classes.counted && label[position] == T(row % view.axis) &&
            meaning_of(label[position], classes, ignored) == CLASS) {
            gradient = T(-scale * weight_of(weights, classes, i) / cut(double(prob[i])));
        }
        dprob[i] = gradient;
    }
}
ENTRY(logistic_loss_backward,
      (const T *prob, const T *label, const T *weights, T *dprob, Classes classes, double ignored, double scale),
      (prob, label, weights, dprob, classes, ignored, scale))

// dx = scale w(label) (p - 1_label) at each position that counts, 0 elsewhere.
template <typename T>
__device__ void logistic_loss_softmax_backward(const T *prob, const T *label, const T *weights, T *dx, Classes classes,
                                               double ignored, double scale) {
    const AxisView &view = classes.view;
    FOR_EACH(i, view.outer * view.axis * view.inner) {
        u32 row = i / view.inner;
        u32 position = row / view.axis * view.inner + i % view.inner;
        T gradient = 0;
        if (position < classes.counted && meaning_of(label[position], classes, ignored) == CLASS) {
            u32 element = element_of(view, position, u32(label[position]));
            T factor = T(scale * weight_of(weights, classes, element));
            gradient = factor * prob[i];
            if (element == i) gradient -= factor;
        }
        dx[i] = gradient;
    }
}
ENTRY(logistic_loss_softmax_backward,
      (const T *prob, const T *label, const T *weights, T *dx, Classes classes, double ignored, double scale),
      (prob, label, weights, dx, classes, ignored, scale))
