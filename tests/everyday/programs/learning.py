"""Machine learning by hand: networks, trees of losses, embeddings, kernels."""

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, softmax

from tests.everyday.collect import at

X = np.array([[0.2, 1.0], [1.5, -0.5], [-0.7, 0.3], [0.9, 0.8]])
LABELS = np.array([0, 1, 0, 2])


@at(
    {
        "W1": [[0.1, -0.2, 0.3], [0.4, 0.2, -0.1]],
        "b1": [0.0, 0.1, -0.1],
        "W2": [[0.2, 0.1, -0.3], [-0.4, 0.3, 0.2], [0.1, 0.5, 0.0]],
    },
    {
        "W1": [[0.6, 0.2, -0.3], [-0.1, 0.5, 0.7]],
        "b1": [0.2, -0.1, 0.3],
        "W2": [[-0.2, 0.4, 0.1], [0.3, 0.3, -0.2], [0.5, -0.6, 0.2]],
    },
)
def two_layer_cross_entropy(params):
    hidden = np.maximum(X @ params["W1"] + params["b1"], 0)
    logits = hidden @ params["W2"]
    logits -= logits.max(axis=1, keepdims=True)
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    loss = 0.0
    for i, label in enumerate(LABELS):
        loss -= np.log(probs[i, label])
    return loss / len(LABELS) + 1e-3 * sum(np.sum(w**2) for w in params.values())


@at([0.5, -0.3, 0.8, 0.1], [-0.2, 0.7, 0.4, 0.9])
def recurrent_cell_loss(w):
    seq = [0.5, -0.1, 0.8, 0.3, -0.6]
    h = np.zeros(2)
    W = w.reshape(2, 2)
    loss = 0
    for x, target in zip(seq[:-1], seq[1:], strict=True):
        h = np.tanh(W @ h + np.array([x, 1.0]))
        loss += (h[0] - target) ** 2
    return loss


@at([0.3, 0.1, -0.4, 0.8], [0.9, -0.6, 0.2, 0.5])
def attention_head(w):
    Wq = np.array([[w[0], w[1]], [0.2, 0.5]])
    Wk = np.array([[w[2], 0.1], [0.3, w[3]]])
    Q, K, V = X @ Wq, X @ Wk, X
    scores = Q @ K.T / np.sqrt(2)
    mask = np.triu(np.ones((4, 4), dtype=bool), k=1)
    scores[mask] = -1e9
    A = softmax(scores, axis=-1)
    return np.sum((A @ V) ** 2)


@at([0.2, -0.1, 0.5], [0.7, 0.3, -0.4])
def convolution_layer(kernel):
    signal_in = np.sin(np.arange(10) * 0.7)
    out = np.zeros(8)
    for i in range(8):
        for k in range(3):
            out[i] += kernel[k] * signal_in[i + k]
    out = np.where(out > 0, out, 0.1 * out)
    pooled = out.reshape(4, 2).max(axis=1)
    return pooled.sum() ** 2


@at([0.5, 1.0], [1.4, 0.3])
def batch_norm_forward(p):
    gamma, beta = p
    Z = X * gamma**2 + beta * X**2
    mu = Z.mean(axis=0)
    var = Z.var(axis=0)
    Zn = (Z - mu) / np.sqrt(var + 1e-5)
    return np.sum(np.abs(gamma * Zn[1] + beta))


@at([0.7, 0.2], [0.4, 0.9])
def softmax_regression_log(p):
    logits = np.stack([X @ p, np.zeros(4), X[:, 0] * p[1]], axis=1)
    logp = log_softmax(logits, axis=1)
    return -logp[np.arange(4), LABELS].mean()


@at([0.1, 0.05], [0.3, 0.01])
def training_hyperparameters(p):
    """Differentiate through thirty steps of momentum descent."""
    lr, decay = p
    w = np.array([2.0, -1.0])
    velocity = np.zeros_like(w)
    for _ in range(30):
        g = np.array([2 * w[0] + 0.5 * w[1], 0.5 * w[0] + 1.5 * w[1]]) + decay * w
        velocity *= 0.5
        velocity -= lr * g
        w += velocity
    return float(w @ w)


@at([0.3, 1.2], [0.8, 0.5])
def kernel_ridge_loo(p):
    lam, gamma = p
    K = np.empty((4, 4))
    for i, a in enumerate(X):
        for j, b in enumerate(X):
            K[i, j] = np.exp(-gamma * np.sum((a - b) ** 2))
    H = K @ np.linalg.inv(K + lam * np.eye(4))
    y = np.array([0.1, 0.9, -0.2, 0.7])
    loo = (y - H @ y) / (1 - np.diag(H))
    return np.mean(loo**2)


@at([0.5, 0.2, 0.1, -0.3], [-0.4, 0.6, 0.8, 0.2])
def embedding_bag_update(e):
    table = np.zeros((5, 2))
    np.add.at(table, [0, 2, 2, 4], e[:, None] * np.array([1.0, 0.5]))
    ids = [0, 2, 4, 2]
    bag = table[ids].mean(axis=0)
    return np.dot(bag, bag) + np.linalg.norm(table, "fro")


@at([0.4, 0.9], [1.1, 0.2])
def svm_with_lbfgs(p):
    """Weights of a smoothed SVM, trained inside."""
    y = np.array([-1, 1, -1, 1])

    def objective(w):
        margins = 1 - y * (X @ w)
        return p[0] * w @ w + np.sum(np.logaddexp(0, 3 * margins)) * p[1]

    def slope(w):
        weight = 3 * p[1] * expit(3 * (1 - y * (X @ w)))
        return 2 * p[0] * w - X.T @ (weight * y)

    opts = {"ftol": 1e-15, "gtol": 1e-9}
    w = minimize(objective, np.zeros(2), method="L-BFGS-B", jac=slope, options=opts).x
    return expit(w).sum()


@at([0.6, -0.2], [0.1, 0.8])
def layerwise_dropout(p):
    rng = np.random.default_rng(0)
    keep = rng.random(4) < 0.7
    h = np.tanh(X @ p) * keep / 0.7
    return np.log1p(np.exp(h)).sum()
