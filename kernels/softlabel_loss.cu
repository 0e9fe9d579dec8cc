// Softmax followed by the cross entropy with a distribution over classes. The probabilities come from softmax.cu. One warp for each
// position, as there.
#include "common.cuh"

// Warps of a block; the host launches WARP x WARPS threads.
#define WARPS 8

// The index of a position's first class.
__device__ u32 first_class(const AxisView &view, u32 position) {
    return position / view.inner * view.axis * view.inner + position % view.inner;
}

// result[0]: the sum of -q log p over the first `counted` positions, in double. One block: the order of additions must not depend
// on the card. log p(c) = x(c) - x(r) + log p(r) with the likeliest class r, whose probability is no small number.
template <typename T>
__device__ void softlabel_loss_sum(const T *x, const T *q, const T *prob, T *result, AxisView view, u32 counted) {
    __shared__ double of_warps[WARPS];
    double loss = 0;
    for (u32 position = threadIdx.y; position < counted; position += WARPS) {
        u32 first = first_class(view, position);
        T largest = x[first], likeliest = prob[first];
        for (u32 c = threadIdx.x; c < view.axis; c += WARP) {
            T logit = x[first + c * view.inner], p = prob[first + c * view.inner];
            largest = logit > largest ? logit : largest;
            likeliest = p > likeliest ? p : likeliest;
        }
        T base = warp_max(largest) - log(warp_max(likeliest));
        for (u32 c = threadIdx.x; c < view.axis; c += WARP) {
            u32 i = first + c * view.inner;
            loss += double(-(q[i] * (x[i] - base)));
        }
    }
    loss = warp_sum(loss);
    if (threadIdx.x == 0) of_warps[threadIdx.y] = loss;
    __syncthreads();
    if (threadIdx.x == 0 && threadIdx.y == 0) {
        for (u32 warp = 1; warp < WARPS; warp++) loss += of_warps[warp];
        result[0] = T(loss);
    }
}
ENTRY(softlabel_loss_sum, (const T *x, const T *q, const T *prob, T *result, AxisView view, u32 counted),
      (x, q, prob, result, view, counted))

// dx = scale (p sum(q) - q) for the first `counted` positions, 0 for the others.
template <typename T>
__device__ void softlabel_loss_backward(const T *prob, const T *q, T *dx, AxisView view, u32 counted, double scale) {
    for (u32 position = blockIdx.x * WARPS + threadIdx.y; position < view.outer * view.inner;
         position += gridDim.x * WARPS) {
        u32 first = first_class(view, position);
        T mass = 0;
        for (u32 c = threadIdx.x; c < view.axis; c += WARP) mass += q[first + c * view.inner];
        mass = warp_sum(mass);
        for (u32 c = threadIdx.x; c < view.axis; c += WARP) {
            u32 i = first + c * view.inner;
            dx[i] = position < counted ? T(scale) * (prob[i] * mass - q[i]) : T(0);
        }
    }
}
ENTRY(softlabel_loss_backward, (const T *prob, const T *q, T *dx, AxisView view, u32 counted, double scale),
      (prob, q, dx, view, counted, scale))
