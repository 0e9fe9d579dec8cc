// Update rules of the solvers, one pass over memory each. Where the CPU rounds once (`mul_add`), so does `fma` here: with the
// same gradients both backends compute the same bits.
#include "common.cuh"

// The gradient with the regularizer's part: gradient + l2 w + l1 sign(w).
template <typename T> __device__ T decayed(T gradient, T w, double l2, double l1) {
    T sign = w > T(0) ? T(1) : w < T(0) ? T(-1) : T(0);
    return fma(T(l2), w, fma(T(l1), sign, gradient));
}

// v = momentum v - rate g; w += v. Steps below 1e-30 count as zero, as on the CPU.
template <typename T>
__device__ void update_sgd(const T *gradient, T *w, T *v, u32 n, double rate, double momentum, double l2, double l1) {
    FOR_EACH(i, n) {
        T g = decayed(gradient[i], w[i], l2, l1);
        T step = fma(T(momentum), v[i], -(T(rate) * g));
        step = fabs(step) < T(1e-30) ? T(0) : step;
        v[i] = step;
        w[i] += step;
    }
}
ENTRY(update_sgd, (const T *gradient, T *w, T *v, u32 n, double rate, double momentum, double l2, double l1),
      (gradient, w, v, n, rate, momentum, l2, l1))
