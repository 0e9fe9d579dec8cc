// Update rules of the solvers, one pass over memory each. Where the CPU rounds once (`mul_add`), so does `fma` here: with the
// same gradients both backends compute the same bits.
#include "common.cuh"

// The gradient with the regularizer's part: gradient + l2 w + l1 sign(w).
template <typename T> __device__ T decayed(T gradient, T w, double l2, double l1) {
    T sign = w > T(0) ? T(1) : w < T(0) ? T(-1) : T(0);
    return fma(T(l2), w, fma(T(l1), sign, gradient));
}

// Steps below 1e-30, and squares below 1e-36, count as zero, as on the CPU.
template <typename T> __device__ T unless_tiny(T value, double tiny) { return fabs(value) < T(tiny) ? T(0) : value; }

// A mean of squares that forgets.
template <typename T> __device__ T mean_of_squares(T keep, T add, T old, T value) {
    return unless_tiny(fma(keep, old, add * value * value), 1e-36);
}

struct Sgd {
    double rate, l2, l1, momentum;
};

// v = momentum v - rate g; w += v.
template <typename T> __device__ void update_sgd(const T *gradient, T *w, T *v, u32 n, Sgd c) {
    FOR_EACH(i, n) {
        T g = decayed(gradient[i], w[i], c.l2, c.l1);
        T step = unless_tiny(fma(T(c.momentum), v[i], -(T(c.rate) * g)), 1e-30);
        v[i] = step;
        w[i] += step;
    }
}
ENTRY(update_sgd, (const T *gradient, T *w, T *v, u32 n, Sgd c), (gradient, w, v, n, c))

// v' = momentum v - rate g; w += (1 + momentum) v' - momentum v.
template <typename T> __device__ void update_nesterov(const T *gradient, T *w, T *v, u32 n, Sgd c) {
    FOR_EACH(i, n) {
        T g = decayed(gradient[i], w[i], c.l2, c.l1), before = v[i];
        T after = unless_tiny(fma(T(c.momentum), before, -(T(c.rate) * g)), 1e-30);
        v[i] = after;
        w[i] += fma(T(c.momentum), after - before, after);
    }
}
ENTRY(update_nesterov, (const T *gradient, T *w, T *v, u32 n, Sgd c), (gradient, w, v, n, c))

struct Adam {
    double rate, l2, l1, beta1, beta2, step, epsilon, decoupled_l2, decoupled_l1;
};

// m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2; w -= step m / (sqrt(v) + epsilon). The decoupled decay is taken from
// w first.
template <typename T> __device__ void update_adam(const T *gradient, T *w, T *m, T *v, u32 n, Adam c) {
    FOR_EACH(i, n) {
        T old = w[i], g = decayed(gradient[i], old, c.l2, c.l1);
        T mean = unless_tiny(fma(T(c.beta1), m[i], T(1 - c.beta1) * g), 1e-30);
        T squares = mean_of_squares(T(c.beta2), T(1 - c.beta2), v[i], g);
        m[i] = mean;
        v[i] = squares;
        T kept = fma(-T(c.rate), decayed(T(0), old, c.decoupled_l2, c.decoupled_l1), old);
        w[i] = kept - T(c.step) * mean / (sqrt(squares) + T(c.epsilon));
    }
}
ENTRY(update_adam, (const T *gradient, T *w, T *m, T *v, u32 n, Adam c), (gradient, w, m, v, n, c))

struct Rms {
    double rate, l2, l1, keep, add, epsilon;
};

// h = keep h + add g^2; w -= rate g / (sqrt(h) + epsilon).
template <typename T> __device__ void update_rms(const T *gradient, T *w, T *h, u32 n, Rms c) {
    FOR_EACH(i, n) {
        T g = decayed(gradient[i], w[i], c.l2, c.l1);
        T squares = mean_of_squares(T(c.keep), T(c.add), h[i], g);
        h[i] = squares;
        w[i] -= T(c.rate) * g / (sqrt(squares) + T(c.epsilon));
    }
}
ENTRY(update_rms, (const T *gradient, T *w, T *h, u32 n, Rms c), (gradient, w, h, n, c))

struct Adadelta {
    double rate, l2, l1, rho, epsilon;
};

// h = rho h + (1 - rho) g^2; d = sqrt(s + epsilon) / sqrt(h + epsilon) g; s = rho s + (1 - rho) d^2; w -= rate d.
template <typename T> __device__ void update_adadelta(const T *gradient, T *w, T *h, T *s, u32 n, Adadelta c) {
    FOR_EACH(i, n) {
        T g = decayed(gradient[i], w[i], c.l2, c.l1), keep = T(c.rho), add = T(1 - c.rho), epsilon = T(c.epsilon);
        T squares = mean_of_squares(keep, add, h[i], g);
        T step = sqrt(s[i] + epsilon) / sqrt(squares + epsilon) * g;
        h[i] = squares;
        s[i] = mean_of_squares(keep, add, s[i], step);
        w[i] = fma(-T(c.rate), step, w[i]);
    }
}
ENTRY(update_adadelta, (const T *gradient, T *w, T *h, T *s, u32 n, Adadelta c), (gradient, w, h, s, n, c))
