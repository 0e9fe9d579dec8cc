// Activation functions in place, forward and backward.
#include "neuron.cuh"

template <typename T> __device__ void neuron_forward(T *y, u32 n, u32 code, double coefficient) {
    FOR_EACH(i, n) y[i] = activate(y[i], code, coefficient);
}
ENTRY(neuron_forward, (T * y, u32 n, u32 code, double coefficient), (y, n, code, coefficient))

template <typename T> __device__ void neuron_backward(const T *y, T *dy, u32 n, u32 code, double coefficient) {
    FOR_EACH(i, n) dy[i] = differentiate(y[i], dy[i], code, coefficient);
}
ENTRY(neuron_backward, (const T *y, T *dy, u32 n, u32 code, double coefficient), (y, dy, n, code, coefficient))
