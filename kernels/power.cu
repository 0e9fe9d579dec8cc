// (scale x + shift)^power, element by element.
#include "common.cuh"

// Powers that a multiplication, a division or a square root can do are told apart, as on the CPU: they are exact there, and
// `pow` of a negative base is not defined for the others anyway.
template <typename T> __device__ T raise(T base, double power) {
    if (power == 0.0) return T(1);
    if (power == 1.0) return base;
    if (power == 2.0) return base * base;
    if (power == -1.0) return T(1) / base;
    if (power == 0.5) return sqrt(base);
    return pow(base, T(power));
}

template <typename T> __device__ void power_forward(const T *x, T *y, u32 n, double scale, double shift, double power) {
    FOR_EACH(i, n) y[i] = raise(fma(T(scale), x[i], T(shift)), power);
}
ENTRY(power_forward, (const T *x, T *y, u32 n, double scale, double shift, double power), (x, y, n, scale, shift, power))

// With power 0 the slope is 0 everywhere, where the formula has 0 times infinity.
template <typename T>
__device__ void power_backward(const T *x, const T *dy, T *dx, u32 n, double scale, double shift, double power) {
    FOR_EACH(i, n) {
        T slope = raise(fma(T(scale), x[i], T(shift)), power - 1.0);
        dx[i] = power == 0.0 ? T(0) : T(scale * power) * slope * dy[i];
    }
}
ENTRY(power_backward, (const T *x, const T *dy, T *dx, u32 n, double scale, double shift, double power),
      (x, dy, dx, n, scale, shift, power))
