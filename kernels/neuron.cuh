// Activation functions and their derivatives. The formulas and codes stand at `core_tensor::ops::Neuron`.
#pragma once
#include "common.cuh"

enum { IDENTITY, RELU, LEAKY_RELU, SIGMOID, TANH, EXPONENTIAL, ELU, SILU, GELU };

template <typename T> __device__ T sigmoid(T x) { return T(1) / (T(1) + exp(-x)); }

// The share of the normal distribution below x.
template <typename T> __device__ T normal_below(T x) { return T(0.5) * (T(1) + erf(x * T(0.70710678118654752))); }

// The branch is the same for all threads, so it costs next to nothing.
template <typename T> __device__ T activate(T x, u32 code, double coefficient) {
    switch (code) {
    case RELU: return x < T(coefficient) ? T(coefficient) : x; // a NaN stays one
    case LEAKY_RELU: return x > T(0) ? x : T(0.01) * x;
    case SIGMOID: return sigmoid(x);
    case TANH: return tanh(x);
    case EXPONENTIAL: return exp(x);
    case ELU: return x > T(0) ? x : T(coefficient) * expm1(x);
    case SILU: return x * sigmoid(x);
    case GELU: return x * normal_below(x);
    default: return x;
    }
}

// The gradient times the derivative, which is written in terms of the output y; SiLU and GELU get their input instead.
template <typename T> __device__ T differentiate(T y, T dy, u32 code, double coefficient) {
    switch (code) {
    case RELU: return y > T(coefficient) ? dy : T(0);
    case LEAKY_RELU: return y > T(0) ? dy : T(0.01) * dy;
    case SIGMOID: return dy * y * (T(1) - y);
    case TANH: return dy * (T(1) - y * y);
    case EXPONENTIAL: return dy * y;
    case ELU: return y > T(0) ? dy : dy * (y + T(coefficient));
    case SILU: return dy * sigmoid(y) * (T(1) + y * (T(1) - sigmoid(y)));
    case GELU: return dy * (normal_below(y) + y * T(0.39894228040143268) * exp(T(-0.5) * y * y));
    default: return dy;
    }
}
