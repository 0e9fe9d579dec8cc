// Activation functions and their derivatives. The formulas and codes stand at `core_tensor::ops::Neuron`.
#pragma once
#include "common.cuh"

enum { IDENTITY, RELU, LEAKY_RELU, SIGMOID, TANH, EXPONENTIAL };

// The branch is the same for all threads, so it costs next to nothing.
template <typename T> __device__ T activate(T x, u32 code, double coefficient) {
    switch (code) {
    case RELU: return x < T(coefficient) ? T(coefficient) : x; // a NaN stays one
    case LEAKY_RELU: return x > T(0) ? x : T(0.01) * x;
    case SIGMOID: return T(1) / (T(1) + exp(-x));
    case TANH: return tanh(x);
    case EXPONENTIAL: return exp(x);
    default: return x;
    }
}

// The gradient times the derivative, which is written in terms of the output y.
template <typename T> __device__ T differentiate(T y, T dy, u32 code, double coefficient) {
    switch (code) {
    case RELU: return y > T(coefficient) ? dy : T(0);
    case LEAKY_RELU: return y > T(0) ? dy : T(0.01) * dy;
    case SIGMOID: return dy * y * (T(1) - y);
    case TANH: return dy * (T(1) - y * y);
    case EXPONENTIAL: return dy * y;
    default: return dy;
    }
}
