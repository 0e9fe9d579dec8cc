// What cuBLAS leaves to do for an inner product: bias and neuron in one pass, and the bias's gradient.
#include "neuron.cuh"

// y = neuron(y + bias), y of [batch][outputs]; without a bias the pointer is null.
template <typename T>
__device__ void inner_product_output(const T *bias, T *y, u32 n, u32 outputs, u32 code, double coefficient) {
    FOR_EACH(i, n) y[i] = activate(bias ? y[i] + bias[i % outputs] : y[i], code, coefficient);
}
ENTRY(inner_product_output, (const T *bias, T *y, u32 n, u32 outputs, u32 code, double coefficient),
      (bias, y, n, outputs, code, coefficient))

// gradient = (add ? gradient : 0) + the column sums of dy. One thread for each output: neighbours read neighbours, and the
// order of additions is that of the samples.
template <typename T>
__device__ void inner_product_bias_gradient(const T *dy, T *gradient, u32 batch, u32 outputs, u32 add) {
    FOR_EACH(output, outputs) {
        T sum = add ? gradient[output] : T(0);
        for (u32 sample = 0; sample < batch; sample++) sum += dy[sample * outputs + output];
        gradient[output] = sum;
    }
}
ENTRY(inner_product_bias_gradient, (const T *dy, T *gradient, u32 batch, u32 outputs, u32 add),
      (dy, gradient, batch, outputs, add))
