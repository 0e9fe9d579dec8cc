// Losses that compare two blobs element by element. The formulas and codes stand at `core_tensor::ops::PairLoss`.
#include "common.cuh"

enum { SQUARE, BINARY_CROSS_ENTROPY, SIGMOID_CROSS_ENTROPY, HINGE, GAUSSIAN_KL };

// The probability itself, or the smallest that has a logarithm here. A NaN stays one.
template <typename T> __device__ T cut(T probability) {
    return probability < T(1e-20) ? T(1e-20) : probability;
}

template <typename T> __device__ T loss_of(T a, T b, u32 code) {
    switch (code) {
    case SQUARE: return T(0.5) * (a - b) * (a - b);
    case BINARY_CROSS_ENTROPY: return -(b * log(cut(a))) - (T(1) - b) * log(cut(T(1) - a));
    case SIGMOID_CROSS_ENTROPY: return (a < T(0) ? T(0) : a) - a * b + log1p(exp(-fabs(a)));
    case HINGE: return T(1) - a * b < T(0) ? T(0) : T(1) - a * b;
    default: return T(0.5) * (a * a + b * b - T(1)) - log(b);
    }
}

// The derivative by a.
template <typename T> __device__ T slope_by_first(T a, T b, u32 code) {
    switch (code) {
    case SQUARE: return a - b;
    case BINARY_CROSS_ENTROPY: return (T(1) - b) / cut(T(1) - a) - b / cut(a);
    case SIGMOID_CROSS_ENTROPY: return T(1) / (T(1) + exp(-a)) - b;
    case HINGE: return a * b < T(1) ? -b : T(0);
    default: return a;
    }
}

// The derivative by b.
template <typename T> __device__ T slope_by_second(T a, T b, u32 code) {
    switch (code) {
    case SQUARE: return b - a;
    case BINARY_CROSS_ENTROPY: return log(cut(T(1) - a)) - log(cut(a));
    case SIGMOID_CROSS_ENTROPY: return -a;
    case HINGE: return a * b < T(1) ? -a : T(0);
    default: return b - T(1) / b;
    }
}

// Whether a pair is outside of the loss's domain; a NaN is not.
template <typename T> __device__ bool is_outside(T a, T b, u32 code) {
    switch (code) {
    case BINARY_CROSS_ENTROPY: return a < T(0) || a > T(1);
    case GAUSSIAN_KL: return b <= T(0);
    default: return false;
    }
}

// result[0]: the sum of the losses of the first `counted` pairs, in double. result[1]: how many of them are outside of the
// domain. One block: the order of additions must not depend on the card.
template <typename T>
__device__ void pair_loss_forward(const T *a, const T *b, T *result, u32 code, u32 counted) {
    __shared__ double partial[THREADS];
    double loss = 0, outside = 0;
    for (u32 i = threadIdx.x; i < counted; i += THREADS) {
        loss += double(loss_of(a[i], b[i], code));
        outside += is_outside(a[i], b[i], code);
    }
    loss = block_sum(loss, partial);
    outside = block_sum(outside, partial);
    if (threadIdx.x == 0) {
        result[0] = T(loss);
        result[1] = T(outside);
    }
}
ENTRY(pair_loss_forward, (const T *a, const T *b, T *result, u32 code, u32 counted), (a, b, result, code, counted))

// dx = scale times the derivative for the first `counted` pairs, 0 for the others.
template <typename T>
__device__ void pair_loss_backward_first(const T *a, const T *b, T *dx, u32 n, u32 code, u32 counted, double scale) {
    FOR_EACH(i, n) dx[i] = i < counted ? T(scale) * slope_by_first(a[i], b[i], code) : T(0);
}
ENTRY(pair_loss_backward_first, (const T *a, const T *b, T *dx, u32 n, u32 code, u32 counted, double scale),
      (a, b, dx, n, code, counted, scale))

template <typename T>
__device__ void pair_loss_backward_second(const T *a, const T *b, T *dx, u32 n, u32 code, u32 counted, double scale) {
    FOR_EACH(i, n) dx[i] = i < counted ? T(scale) * slope_by_second(a[i], b[i], code) : T(0);
}
ENTRY(pair_loss_backward_second, (const T *a, const T *b, T *dx, u32 n, u32 code, u32 counted, double scale),
      (a, b, dx, n, code, counted, scale))
