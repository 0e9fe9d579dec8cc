// Batch normalization: moments by one block a channel, the rest one thread for each element.
#include "channel.cuh"

// The sum over a block, in every thread.
template <typename T> __device__ T sum_for_all(T value, T *partial) {
    block_sum(value, partial);
    __syncthreads();
    return partial[0];
}

template <typename T> __device__ void batch_norm_moments(const T *x, T *mean, T *variance, AxisView view) {
    __shared__ T partial[THREADS];
    T count = T(view.outer * view.inner);
    FOR_EACH_CHANNEL(c, view) {
        T sum = 0;
        FOR_EACH_OF_CHANNEL(i, c, view) sum += x[i];
        T center = sum_for_all(sum, partial) / count;
        T rest = 0, squares = 0;
        FOR_EACH_OF_CHANNEL(i, c, view) {
            T deviation = x[i] - center;
            rest += deviation;
            squares = fma(deviation, deviation, squares);
        }
        // The mean is rounded; what its rounding leaves of the sum of deviations is taken out of their squares.
        rest = sum_for_all(rest, partial);
        squares = sum_for_all(squares, partial);
        if (threadIdx.x == 0) {
            mean[c] = center;
            variance[c] = (squares - rest * rest / count) / count;
        }
    }
}
ENTRY(batch_norm_moments, (const T *x, T *mean, T *variance, AxisView view), (x, mean, variance, view))

// n is the number of channels.
template <typename T>
__device__ void batch_norm_gather(const T *mean, const T *variance, T *running_mean, T *running_variance, T *weight,
                                  u32 n, double fraction, double correction) {
    FOR_EACH(i, n) {
        running_mean[i] = T(fraction) * running_mean[i] + mean[i];
        running_variance[i] = T(fraction) * running_variance[i] + T(correction) * variance[i];
        if (i == 0) *weight = T(fraction) * *weight + T(1);
    }
}
ENTRY(batch_norm_gather,
      (const T *mean, const T *variance, T *running_mean, T *running_variance, T *weight, u32 n, double fraction,
       double correction),
      (mean, variance, running_mean, running_variance, weight, n, fraction, correction))

template <typename T>
__device__ void batch_norm_expected(const T *running_mean, const T *running_variance, const T *weight, T *mean,
                                    T *variance, u32 n) {
    FOR_EACH(i, n) {
        mean[i] = *weight == T(0) ? T(0) : running_mean[i] / *weight;
        variance[i] = *weight == T(0) ? T(1) : running_variance[i] / *weight;
    }
}
ENTRY(batch_norm_expected,
      (const T *running_mean, const T *running_variance, const T *weight, T *mean, T *variance, u32 n),
      (running_mean, running_variance, weight, mean, variance, n))

template <typename T>
__device__ void batch_norm_normalize(const T *x, const T *mean, const T *variance, T *y, AxisView view,
                                     double epsilon) {
    FOR_EACH(i, view.outer * view.axis * view.inner) {
        u32 c = channel_of(view, i);
        y[i] = (x[i] - mean[c]) * (T(1) / sqrt(variance[c] + T(epsilon)));
    }
}
ENTRY(batch_norm_normalize,
      (const T *x, const T *mean, const T *variance, T *y, AxisView view, double epsilon),
      (x, mean, variance, y, view, epsilon))

template <typename T>
__device__ void batch_norm_backward(const T *y, const T *dy, const T *variance, const T *sum, const T *dot, T *dx,
                                    AxisView view, double epsilon) {
    T share = T(1) / T(view.outer * view.inner);
    FOR_EACH(i, view.outer * view.axis * view.inner) {
        u32 c = channel_of(view, i);
        T inverse = T(1) / sqrt(variance[c] + T(epsilon));
        dx[i] = (dy[i] - sum[c] * share - y[i] * (dot[c] * share)) * inverse;
    }
}
ENTRY(batch_norm_backward,
      (const T *y, const T *dy, const T *variance, const T *sum, const T *dot, T *dx, AxisView view, double epsilon),
      (y, dy, variance, sum, dot, dx, view, epsilon))
