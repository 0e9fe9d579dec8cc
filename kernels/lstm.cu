// One step of a long short-term memory, one thread for each unit of each sample. The formulas stand at
// `core_tensor::ops::kernels::lstm_forward`; the gates of a sample lie one after the other.
#include "neuron.cuh"

template <typename T>
__device__ void lstm_forward(const T *from_input, const T *from_output, const T *before, T *gates, T *cell, T *y, u32 n,
                             u32 units) {
    FOR_EACH(i, n) {
        u32 first = i / units * 4 * units + i % units;
        u32 second = first + units, third = second + units, fourth = third + units;
        T input = sigmoid(from_input[first] + from_output[first]);
        T forget = sigmoid(from_input[second] + from_output[second]);
        T output = sigmoid(from_input[third] + from_output[third]);
        T candidate = tanh(from_input[fourth] + from_output[fourth]);
        gates[first] = input;
        gates[second] = forget;
        gates[third] = output;
        gates[fourth] = candidate;
        cell[i] = forget * before[i] + input * candidate;
        y[i] = output * tanh(cell[i]);
    }
}
ENTRY(lstm_forward,
      (const T *from_input, const T *from_output, const T *before, T *gates, T *cell, T *y, u32 n, u32 units),
      (from_input, from_output, before, gates, cell, y, n, units))

template <typename T>
__device__ void lstm_backward(const T *gates, const T *cell, const T *before, const T *dy, T *dgates, T *dcell, u32 n,
                              u32 units) {
    FOR_EACH(i, n) {
        u32 first = i / units * 4 * units + i % units;
        u32 second = first + units, third = second + units, fourth = third + units;
        T input = gates[first], forget = gates[second], output = gates[third], candidate = gates[fourth];
        T squashed = tanh(cell[i]);
        T gradient = dcell[i] + dy[i] * output * (T(1) - squashed * squashed);
        dgates[first] = gradient * candidate * input * (T(1) - input);
        dgates[second] = gradient * before[i] * forget * (T(1) - forget);
        dgates[third] = dy[i] * squashed * output * (T(1) - output);
        dgates[fourth] = gradient * input * (T(1) - candidate * candidate);
        dcell[i] = gradient * forget;
    }
}
ENTRY(lstm_backward,
      (const T *gates, const T *cell, const T *before, const T *dy, T *dgates, T *dcell, u32 n, u32 units),
      (gates, cell, before, dy, dgates, dcell, n, units))
